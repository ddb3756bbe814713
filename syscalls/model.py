"""Language models, run by the inference device.

Messages, tools and replies have the shape of OpenAI's chat completions.

Interface:
    Model           the syscalls
    ChatReply       a whole reply
    ChatChunk       a piece of one that is streamed
    ModelInfo       what the device runs or can run
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Gt, Le
from typing_extensions import TypedDict

from .interface import Interface, syscall


class FunctionCall(TypedDict):
    """A function and its arguments, as JSON text."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """A call that the model asks for."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(TypedDict):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: NotRequired[str | None]
    tool_calls: NotRequired[list[ToolCall] | None]
    tool_call_id: NotRequired[str | None]
    name: NotRequired[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call has used."""

    input_tokens: int
    output_tokens: int
    #: Seconds of the device; 0 where it cannot tell.
    device_seconds: float = 0.0
    #: Dollars; 0 for a device of one's own.
    money: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """A model's whole reply."""

    content: str | None
    tool_calls: list[ToolCall]
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"]
    usage: Usage
    #: Name and version of the model that answered.
    model: str
    #: Natural logarithms of the chosen tokens' probabilities, where they were asked for.
    logprobs: list[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChunk:
    """A piece of a reply. The last one carries the finish reason, tool calls and usage."""

    content: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"] | None = None
    usage: Usage | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that the device runs or can run."""

    #: `embedded`, `hf:FOLDER-or-ID` or `openai:URL`.
    target: str
    #: The model's own name, as replies give it.
    name: str
    #: Whether it answers calls now.
    active: bool
    #: `local` or `openai`.
    device: str
    #: `ready`, `loading`, `available`, or `failed: reason`.
    state: str
    parameters: int | None = None
    #: The longest conversation, in tokens.
    context: int | None = None
    #: What the device can do: preempt, fork, swap, score, grammar, embed, adapters.
    flags: list[str] = field(default_factory=list)


MaxTokens = Annotated[int, Ge(1), Le(1_000_000)]
Temperature = Annotated[float, Ge(0), Le(5)]
Probability = Annotated[float, Gt(0), Le(1)]


class Model(Interface, name="model"):
    """Chat with the model that the inference device runs."""

    @syscall(device="inference", idempotent=True, deadline=600.0)
    async def chat(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        max_tokens: MaxTokens = 512,
        temperature: Temperature = 0.0,
        top_p: Probability = 1.0,
        top_k: Annotated[int, Ge(0)] = 0,
        stop: list[str] | None = None,
        seed: int | None = None,
        logprobs: bool = False,
    ) -> ChatReply:
        """Return the model's next message.

        `tools` are OpenAI function schemas. At temperature 0 the likeliest token is taken.
        Raises `InvalidArgument` for a conversation longer than the model's context.
        """
        raise NotImplementedError

    @syscall(device="inference", idempotent=True, stream=True, deadline=600.0)
    async def stream(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        max_tokens: MaxTokens = 512,
        temperature: Temperature = 0.0,
        top_p: Probability = 1.0,
        top_k: Annotated[int, Ge(0)] = 0,
        stop: list[str] | None = None,
        seed: int | None = None,
    ) -> AsyncIterator[ChatChunk]:
        """Yield the model's next message as it is written; the arguments are those of `chat`."""
        raise NotImplementedError
        yield

    @syscall(idempotent=True)
    async def ls(self) -> list[ModelInfo]:
        """Return the models that the device knows, the active one first."""
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def use(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        """Let the device run another model, once it has loaded; until then the old one answers.

        `target` is `embedded`, `hf:FOLDER-or-ID` or `openai:URL` with the model's `name` and
        where it asks for one an API `key`. Raises `InvalidArgument` or `NotFound` for a target
        that cannot be run, and the old one stays.
        """
        raise NotImplementedError
