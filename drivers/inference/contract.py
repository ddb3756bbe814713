"""What the driver asks of a device that runs models.

Interface:
    Sampling            how a reply is drawn
    Owner               whose call it is, and where it stands
    Request             one conversation to continue
    Meter               what a request has used so far
    Delta               a piece of the reply; the last one carries the end
    Engine              the contract of every device
    ContextEngine       that of one whose contexts are handles
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ...syscalls.model import (
    ContextInfo,
    Embeddings,
    Grammar,
    ModelInfo,
    PageMap,
    Scores,
    TokenLogprob,
    ToolCall,
    Usage,
)

Finish = Literal["stop", "length", "tool_calls", "cancelled"]
ProcessState = Literal["running", "blocked", "suspended", "gone"]
#: The lowest comes first.
Rank = tuple[float, ...]


@dataclass(slots=True)
class Meter:
    """What a request has used so far. Its engine writes it, also for one that fails or is taken
    back; the driver reads it and charges."""

    usage: Usage = field(default_factory=lambda: Usage(input_tokens=0, output_tokens=0))
    #: How often it stood still for others.
    preemptions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a reply is drawn; the fields are those of `model.chat`."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    #: How many alternatives are wanted with each token's log-probability; None for no
    #: log-probabilities at all.
    logprobs: int | None = None
    grammar: Grammar | None = None
    #: `auto`, `required`, or the tool that a reply is to be a call of.
    tool_choice: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose call it is, and where it stands."""

    pid: int = 0
    principal: str = ""
    #: The kernel's number of the call, by which its rank is changed later on.
    call: int = 0
    rank: Rank = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversation to continue."""

    messages: list[Any]
    tools: list[dict[str, Any]] = field(default_factory=list)
    sampling: Sampling = field(default_factory=Sampling)
    owner: Owner = field(default_factory=Owner)
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of a reply."""

    text: str = ""
    #: Only on the last one.
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish: Finish | None = None
    usage: Usage | None = None
    #: Of the tokens since the piece before, where they were asked for.
    logprobs: list[TokenLogprob] | None = None


class Engine(Protocol):
    """A device that continues conversations. It owns its weights, contexts and connections."""

    #: Calls that it serves at once.
    slots: int
    #: What it can do, as `ModelInfo.flags` lists it.
    flags: tuple[str, ...]

    def info(self) -> ModelInfo:
        """Return what it runs."""

    def chat(self, request: Request) -> AsyncIterator[Delta]:
        """Yield a reply as it is written; closing the iterator takes the request back.

        Raises `InvalidArgument` for a conversation that cannot be continued and for what it is
        asked for and lacks, `DeviceError` where the engine fails or is closed.
        """

    async def failed(self) -> str:
        """Wait until it can serve no more, and return why; for ever where that does not happen."""

    async def close(self) -> None:
        """Give back everything; requests in flight end in `DeviceError`."""


class ContextEngine(Engine, Protocol):
    """An engine whose contexts are handles, and whose memory is managed by process.

    Every handle belongs to a pid; one that is not the owner's raises `NotFound`.
    """

    async def open(
        self,
        owner: Owner,
        meter: Meter,
        *,
        text: str | None,
        messages: list[Any] | None,
        tools: list[dict[str, Any]],
    ) -> ContextInfo:
        """Open a context and read what it is to hold. Raises `QuotaExceeded`."""

    async def append(
        self,
        owner: Owner,
        meter: Meter,
        context: int,
        *,
        text: str | None,
        messages: list[Any] | None,
    ) -> ContextInfo:
        """Read more into a context."""

    def generate(
        self, owner: Owner, meter: Meter, context: int, sampling: Sampling
    ) -> AsyncIterator[Delta]:
        """Continue a context, which holds the reply from then on."""

    async def fork(self, owner: Owner, context: int, count: int) -> list[ContextInfo]:
        """Return new contexts over the same pages."""

    async def score(
        self,
        owner: Owner,
        meter: Meter,
        continuations: Sequence[str],
        *,
        context: int | None,
        messages: list[Any] | None,
        text: str | None,
    ) -> Scores:
        """Return the continuations' log-probabilities; what they follow is read once."""

    async def embed(self, owner: Owner, meter: Meter, texts: Sequence[str]) -> Embeddings:
        """Return one vector of length 1 for each text."""

    def pin(self, owner: Owner, context: int, seconds: float) -> ContextInfo:
        """Keep a context's pages in the device for a while."""

    def close_context(self, owner: Owner, context: int) -> None:
        """Close a context."""

    def contexts(self, owner: Owner) -> list[ContextInfo]:
        """Return the open contexts of a process."""

    def pages(self) -> PageMap:
        """Return who holds what."""

    def rank(self, call: int, rank: Rank) -> None:
        """Let a running call stand elsewhere from the next step on."""

    def process(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        """Learn what a process does: a suspended one's work stops and its pages are swapped out, a
        gone one's contexts are closed; one that is blocked for `seconds` needs its pages later."""
