"""What texts and messages come to in a context's tokens.

Interface:
    Piece           what is added to a context
    Wording         `piece`; raises `InvalidArgument`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ....syscalls.errors import InvalidArgument
from .context import Context
from .encoder import Encoder
from .template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is added to a context, and what its fields of the same names are then."""

    tokens: list[int]
    ask: list[int] = field(default_factory=list)
    asking: str = ""
    text: str | None = None
    chat: bool = False


class Wording:
    """A model's template and tokenizer; any thread may use it."""

    def __init__(self, template: Template, encoder: Encoder, ends: frozenset[int]) -> None:
        self._template = template
        self._encoder = encoder
        self._ends = ends

    def piece(
        self,
        context: Context,
        text: str | None,
        messages: list[Any] | None,
        tools: list[dict[str, Any]],
    ) -> Piece:
        """Return what a text or messages add to a context."""
        if text is not None and messages is not None:
            raise InvalidArgument("either a text or messages are wanted, not both")
        if text is not None:
            return self._text(context, text)
        if messages is not None:
            return self._messages(context, messages, tools)
        return Piece(
            tokens=[], ask=context.ask, asking=context.asking, text=context.text, chat=context.chat
        )

    def _text(self, context: Context, text: str) -> Piece:
        if not context.tokens:
            return Piece(tokens=self._encoder.plain(text), text=text)
        # Behind what asks for a reply, the text is how that begins.
        known = None if context.text is None else context.text + context.asking
        before = [*context.tokens, *context.ask]
        return Piece(
            tokens=[*context.ask, *self._encoder.following(text, before, known)],
            text=None if known is None else known + text,
            chat=context.chat,
        )

    def _messages(
        self, context: Context, messages: list[Any], tools: list[dict[str, Any]]
    ) -> Piece:
        text = None
        if not context.tokens:
            held, asking = self._template.parted(messages, tools)
            text = held
        else:
            answered = context.chat and not context.ask
            held, asking = self._template.more(messages, answered)
        tokens, both = self._encoder.rendered(held), self._encoder.rendered(held + asking)
        if both[: len(tokens)] != tokens:
            tokens, text = both, held + asking
            asking = ""
        ask = both[len(tokens) :]
        # A reply that the model has ended itself needs no second end.
        last = context.tokens[-1:]
        if last and last == tokens[:1] and last[0] in self._ends:
            del tokens[0]
        return Piece(tokens=tokens, ask=ask, asking=asking, text=text, chat=True)
