"""An action sequence as it is thought of, before it is done.

Interface:
    Outcome         what a tool said, or is taken to say
    Ask             a call of a tool, with what is expected of it
    Reply           what the model writes at a time: calls, or an answer
    Line            replies after one another, from the present on
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ...syscalls.model import ChatReply, Message, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a tool said, or is taken to say."""

    text: str
    failed: bool = False
    sources: tuple[str, ...] = ()
    #: Whether the tool has really said so.
    real: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call of a tool."""

    id: str
    tool: str
    arguments: dict[str, Any]
    #: What the rest of the line is built on; None where it ends here.
    expected: Outcome | None = None

    @property
    def key(self) -> str:
        """The same for all calls that do the same."""
        return f"{self.tool} {json.dumps(self.arguments, sort_keys=True)}"

    def call(self) -> ToolCall:
        """Return it as a message carries it."""
        arguments = json.dumps(self.arguments, ensure_ascii=False)
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.tool, "arguments": arguments},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model writes at a time: calls, or an answer."""

    content: str
    asks: tuple[Ask, ...] = ()
    #: log P of its tokens, in nats; None where the model does not tell.
    logprob: float | None
    tokens: int
    #: Whether it says nothing, or had no room to say it.
    void: bool = False

    @classmethod
    def read(cls, reply: ChatReply) -> Reply:
        """Return what a model has said; a call whose arguments are no JSON object has none."""
        asks = []
        for call in reply.tool_calls:
            try:
                arguments = json.loads(call["function"]["arguments"] or "{}")
            except ValueError:
                arguments = {}
            plain = arguments if isinstance(arguments, dict) else {}
            asks.append(Ask(id=call["id"], tool=call["function"]["name"], arguments=plain))
        return cls(
            content=reply.content or "",
            asks=tuple(asks),
            logprob=sum(one.logprob for one in reply.logprobs) if reply.logprobs else None,
            tokens=len(reply.logprobs or ()) or reply.usage.output_tokens,
            void=reply.finish_reason == "length" or not (reply.content or asks),
        )

    @property
    def key(self) -> str:
        """The same for all replies that do the same."""
        return "\n".join(ask.key for ask in self.asks) if self.asks else f"= {self.content}"

    def messages(self, outcomes: list[Outcome]) -> list[Message]:
        """Return it as a conversation has it, with the results of the calls that have any."""
        taken = self.asks[: len(outcomes)]
        said: Message = {"role": "assistant", "content": self.content}
        if taken:
            said["tool_calls"] = [ask.call() for ask in taken]
        return [said, *results(taken, outcomes)]


def results(asks: tuple[Ask, ...], outcomes: list[Outcome]) -> list[Message]:
    """Return the messages that tell the model what its calls gave."""
    return [
        {"role": "tool", "tool_call_id": ask.id, "content": outcome.text}
        for ask, outcome in zip(asks, outcomes, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """Replies after one another, from the present on. Two are the same only by identity."""

    replies: tuple[Reply, ...] = ()
    #: How many draws have given it.
    count: int = 1
    #: Whether it ends in an answer, and else whether what comes next can be thought of.
    answered: bool = False
    going: bool = True
    #: Where the model holds it; the mind's affair.
    handle: int | None = field(default=None, repr=False)

    @property
    def asks(self) -> list[Ask]:
        """Its calls, in order."""
        return [ask for reply in self.replies for ask in reply.asks]

    @property
    def key(self) -> str:
        """The same for all lines that do the same."""
        return "\n\n".join(reply.key for reply in self.replies)

    @property
    def answer(self) -> str | None:
        """What it ends with, where it ends in an answer."""
        return self.replies[-1].content if self.answered else None

    @property
    def tokens(self) -> int:
        """Tokens that the model writes in it."""
        return sum(reply.tokens for reply in self.replies)

    @property
    def logprob(self) -> float | None:
        """log P(Y|X) of those tokens, in nats."""
        known = [reply.logprob for reply in self.replies if reply.logprob is not None]
        return sum(known) if known and len(known) == len(self.replies) else None

    @property
    def score(self) -> float | None:
        """The same for each token, so that a long sequence is no worse for its length."""
        return None if self.logprob is None else self.logprob / max(self.tokens, 1)

    @property
    def rank(self) -> tuple[float, int]:
        """The higher, the better: the score, and without one how often it was drawn
        (self-consistency; Wang et al. 2022)."""
        return (0.0 if self.score is None else self.score, self.count)
