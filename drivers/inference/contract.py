"""What the driver asks of a device that runs models.

Interface:
    Request         one conversation to continue
    Meter           what a request has used so far
    Delta           a piece of the reply; the last one carries the end
    Engine          the contract
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ...syscalls.model import ModelInfo, ToolCall, Usage

Finish = Literal["stop", "length", "tool_calls", "cancelled"]


@dataclass(slots=True)
class Meter:
    """What a request has used so far. Its engine writes it, also for one that fails or is taken
    back; the driver reads it and charges."""

    usage: Usage = field(default_factory=lambda: Usage(input_tokens=0, output_tokens=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversation to continue; the fields are those of `model.chat`."""

    messages: list[Any]
    tools: list[dict[str, Any]] = field(default_factory=list)
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    logprobs: bool = False
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of a reply."""

    text: str = ""
    #: Only on the last one.
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish: Finish | None = None
    usage: Usage | None = None
    logprobs: list[float] | None = None


class Engine(Protocol):
    """A device that continues conversations. It owns its weights, contexts and connections."""

    #: Calls that it serves at once.
    slots: int

    def info(self) -> ModelInfo:
        """Return what it runs."""

    def chat(self, request: Request) -> AsyncIterator[Delta]:
        """Yield a reply as it is written; closing the iterator takes the request back.

        Raises `InvalidArgument` for a conversation that cannot be continued, `DeviceError` where
        the engine fails or is closed.
        """

    async def close(self) -> None:
        """Give back everything; requests in flight end in `DeviceError`."""
