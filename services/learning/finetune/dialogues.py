"""Dialogues as tokens, of which the assistant's are learnt.

Interface:
    Dialogue        a line: `messages` as the chat API has them, and `tools`
    Turns           a dialogue's tokens, and which of them are the assistant's
    encode          what a model's chat template makes of a dialogue
    Collator        examples to batches padded on the right
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from ....syscalls.errors import InvalidArgument
from .rows import Row

#: The label of a token that is not learnt.
IGNORED = -100


class Message(BaseModel):
    """A message. What else it has is the template's."""

    model_config = ConfigDict(extra="allow", frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None

    @field_validator("tool_calls")
    @classmethod
    def _called(cls, calls: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        """Arguments may be a text of JSON, as the API has them; templates want what it says."""
        for call in calls or []:
            function = call.get("function")
            if not isinstance(function, dict) or not isinstance(function.get("name"), str):
                raise ValueError("a call has a function with a name")
            if isinstance(text := function.get("arguments", {}), str):
                function["arguments"] = json.loads(text)
        return calls

    def plain(self) -> dict[str, Any]:
        """What a template takes."""
        return self.model_dump(exclude_none=True) | {"content": self.content or ""}


class Dialogue(Row):
    """A line: a conversation that has come to an answer."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None

    @field_validator("messages")
    @classmethod
    def _answered(cls, messages: list[Message]) -> list[Message]:
        if not any(one.role == "assistant" for one in messages):
            raise ValueError("there is no message of the assistant's to learn")
        return messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Tokens, and which of them are learnt."""

    ids: list[int]
    learnt: list[bool]

    @property
    def labels(self) -> list[int]:
        """The ids where they are learnt, `IGNORED` elsewhere."""
        return [one if yes else IGNORED for one, yes in zip(self.ids, self.learnt, strict=True)]


def encode(
    messages: Sequence[Message],
    tools: Sequence[dict[str, Any]] | None,
    tokenizer: Any,
    first: int = 0,
) -> list[Turns]:
    """Return a dialogue's tokens as the tokenizer's chat template has them; those of assistant's
    messages from number `first` on are learnt, up to the sign that ends each.

    Most templates write a message the same way whatever follows it: the dialogue is one example.
    Where one does not (some drop earlier thoughts), it is one for each of the assistant's turns,
    as a model would be asked for it. Raises `InvalidArgument` for a template that does not begin an
    answer as it asks for one.
    """
    plain = [one.plain() for one in messages]
    turns = [
        place for place, one in enumerate(messages) if one.role == "assistant" and place >= first
    ]
    whole = _render(plain, tools, tokenizer)
    spans = []
    for place in turns:
        upto = _render(plain[: place + 1], tools, tokenizer)
        if not whole.startswith(upto):
            return [
                _tokens(text, [_span(plain, at, text, tools, tokenizer)], tokenizer)
                for at in turns
                for text in [_render(plain[: at + 1], tools, tokenizer)]
            ]
        spans.append(_span(plain, place, upto, tools, tokenizer))
    return [_tokens(whole, spans, tokenizer)]


def _span(
    plain: list[dict[str, Any]], place: int, upto: str, tools: Any, tokenizer: Any
) -> tuple[int, int]:
    """Return where in a text the message at a place begins and ends, without what leads to it."""
    asked = _render(plain[:place], tools, tokenizer, add_generation_prompt=True)
    if not upto.startswith(asked):
        raise InvalidArgument("the chat template does not begin an answer as it asks for one")
    end = upto.rfind(tokenizer.eos_token or "\0", len(asked))
    return len(asked), len(upto) if end < 0 else end + len(tokenizer.eos_token)


def _render(messages: list[dict[str, Any]], tools: Any, tokenizer: Any, **how: Any) -> str:
    import jinja2

    if not tokenizer.chat_template:
        raise InvalidArgument("the parent has no chat template")
    try:
        text: str = tokenizer.apply_chat_template(
            messages, tools=list(tools) if tools else None, tokenize=False, **how
        )
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise InvalidArgument(f"the chat template refuses a dialogue: {error}") from error
    return text


def _tokens(text: str, spans: list[tuple[int, int]], tokenizer: Any) -> Turns:
    made = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    learnt = [
        any(start <= one and other <= end for start, end in spans) and other > one
        for one, other in made["offset_mapping"]
    ]
    return Turns(ids=made["input_ids"], learnt=learnt)


class Collator:
    """Examples with `input_ids` and `labels` to batches."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """input_ids, attention_mask and labels [B, longest], padded on the right."""
        import torch

        shape = len(examples), max(len(one["input_ids"]) for one in examples)
        ids, labels = torch.full(shape, self._padding), torch.full(shape, IGNORED)
        real = torch.zeros(shape, dtype=torch.long)
        for place, one in enumerate(examples):
            length = len(one["input_ids"])
            ids[place, :length] = torch.tensor(one["input_ids"])
            labels[place, :length] = torch.tensor(one["labels"])
            real[place, :length] = 1
        return {"input_ids": ids, "attention_mask": real, "labels": labels}
