"""Language models, run by the inference device.

Messages, tools and replies have the shape of OpenAI's chat completions. `chat` is the one-call
form. A context is a handle on the model's memory of a text, owned by the process that opened it and
closed with it; it can be appended to, continued, forked and scored without reading the text again.

Interface:
    Model           the syscalls
    ChatReply       a whole reply
    ChatChunk       a piece of one that is streamed
    ContextInfo     a context and what it holds
    Score           how likely a continuation is
    Embeddings      texts as vectors
    PageHolder      who holds which part of the device's memory
    ModelInfo       what the device runs or can run
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
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


class Grammar(TypedDict):
    """What a reply must match; exactly one of the keys is given."""

    #: A JSON schema; `{}` is any JSON value.
    json_schema: NotRequired[dict[str, Any]]
    #: A regular expression for the whole reply.
    regex: NotRequired[str]
    #: One of these texts.
    choice: NotRequired[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A token that could have come, and the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A chosen token; the probabilities are the model's own, before temperature and cuts."""

    token: str
    logprob: float
    #: The likeliest ones, as many as were asked for.
    top: list[Alternative] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """A model's whole reply."""

    content: str | None
    tool_calls: list[ToolCall]
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"]
    usage: Usage
    #: Name and version of the model that answered.
    model: str
    #: One for each token of the reply, where they were asked for.
    logprobs: list[TokenLogprob] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChunk:
    """A piece of a reply. The last one carries the finish reason, tool calls and usage."""

    content: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"] | None = None
    usage: Usage | None = None
    model: str | None = None
    #: Of the tokens in this piece, where they were asked for.
    logprobs: list[TokenLogprob] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextInfo:
    """A context and what it holds."""

    #: The handle.
    context: int
    #: The process that owns it.
    pid: int
    #: Tokens that were read or written so far.
    tokens: int
    #: Pages that it holds, and those of them that others hold as well or that lie in host memory.
    pages: int
    shared: int
    swapped: int
    #: Seconds for which its pages stay, as was asked for; None where nothing was.
    pinned: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How likely a continuation is: the sum of its tokens' log-probabilities, in nats."""

    logprob: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One score for each continuation, in their order."""

    scores: list[Score]
    usage: Usage
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """One vector of length 1 for each text, in their order."""

    vectors: list[list[float]]
    usage: Usage
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHolder:
    """What one process holds of the device's memory; pid 0 stands for what is only cached."""

    pid: int
    principal: str
    #: `running`, `blocked`, `suspended` or `gone`.
    state: str
    contexts: int
    #: In the device, those of them that others hold too, and in host memory.
    pages: int
    shared: int
    swapped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMap:
    """The device's memory of contexts, in pages."""

    #: Tokens of a page, and bytes that it takes in all layers.
    page_tokens: int
    page_bytes: int
    total: int
    free: int
    #: What earlier texts have left there, to be read again or given away.
    cached: int
    swapped: int
    holders: list[PageHolder]


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
    #: What the device can do: preempt, fork, swap, score, grammar, embed, adapters; and `sentences`
    #: for a model that is made for vectors, and does nothing else.
    flags: list[str] = field(default_factory=list)
    #: The share of the processes that it serves where they name no model.
    share: float = 0.0


MaxTokens = Annotated[int, Ge(1), Le(1_000_000)]
Temperature = Annotated[float, Ge(0), Le(5)]
Probability = Annotated[float, Gt(0), Le(1)]
Share = Annotated[float, Ge(0), Le(1)]
TopK = Annotated[int, Ge(0)]
Penalty = Annotated[float, Ge(-2), Le(2)]
Repetition = Annotated[float, Gt(0), Le(10)]
Alternatives = Annotated[int, Ge(0), Le(20)]
Handle = Annotated[int, Ge(1)]


class Model(Interface, name="model"):
    """The model that the inference device runs."""

    @syscall(device="inference", idempotent=True, deadline=600.0)
    async def chat(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        max_tokens: MaxTokens = 512,
        temperature: Temperature = 0.0,
        top_p: Probability = 1.0,
        top_k: TopK = 0,
        min_p: Share = 0.0,
        presence_penalty: Penalty = 0.0,
        frequency_penalty: Penalty = 0.0,
        repetition_penalty: Repetition = 1.0,
        stop: list[str] | None = None,
        seed: int | None = None,
        logprobs: bool = False,
        top_logprobs: Alternatives = 0,
        grammar: Grammar | None = None,
        tool_choice: str = "auto",
        model: str | None = None,
    ) -> ChatReply:
        """Return the model's next message.

        `tools` are OpenAI function schemas. At temperature 0 the likeliest token is taken. `min_p`
        cuts what is less likely than that share of the likeliest; `presence_penalty` and
        `frequency_penalty` are OpenAI's, over what the reply has written, `repetition_penalty` is
        that of CTRL (Keskar et al. 2019), over prompt and reply. `grammar` says what the reply must
        match. With the `tool_choice` `required` it begins with a call of a tool, with a tool's name
        it is a call of that one, and with `none` no tool is offered. `model` chooses among several
        devices by the model's name. Raises `InvalidArgument` for a conversation longer than the
        model's context, whose tokens stand in the detail `context`, for a grammar that cannot be
        compiled, and for a choice of a tool that is not offered or besides a grammar.
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
        top_k: TopK = 0,
        min_p: Share = 0.0,
        presence_penalty: Penalty = 0.0,
        frequency_penalty: Penalty = 0.0,
        repetition_penalty: Repetition = 1.0,
        stop: list[str] | None = None,
        seed: int | None = None,
        logprobs: bool = False,
        top_logprobs: Alternatives = 0,
        grammar: Grammar | None = None,
        tool_choice: str = "auto",
        model: str | None = None,
    ) -> AsyncIterator[ChatChunk]:
        """Yield the model's next message as it is written; the arguments are those of `chat`."""
        raise NotImplementedError
        yield

    @syscall(device="inference", deadline=600.0)
    async def open(
        self,
        text: str | None = None,
        messages: list[Message] | None = None,
        tools: list[dict[str, Any]] | None = None,
    ) -> ContextInfo:
        """Open a context that holds a text, a conversation, or nothing yet, and read it.

        Raises `QuotaExceeded` where the process holds as many pages as it may.
        """
        raise NotImplementedError

    @syscall(device="inference", deadline=600.0)
    async def append(
        self, context: Handle, text: str | None = None, messages: list[Message] | None = None
    ) -> ContextInfo:
        """Read more into a context. Raises `NotFound` for a handle that is not the caller's."""
        raise NotImplementedError

    @syscall(device="inference", deadline=600.0)
    async def generate(
        self,
        context: Handle,
        max_tokens: MaxTokens = 512,
        temperature: Temperature = 0.0,
        top_p: Probability = 1.0,
        top_k: TopK = 0,
        min_p: Share = 0.0,
        presence_penalty: Penalty = 0.0,
        frequency_penalty: Penalty = 0.0,
        repetition_penalty: Repetition = 1.0,
        stop: list[str] | None = None,
        seed: int | None = None,
        logprobs: bool = False,
        top_logprobs: Alternatives = 0,
        grammar: Grammar | None = None,
    ) -> ChatReply:
        """Continue a context; what is written becomes a part of it."""
        raise NotImplementedError

    @syscall(device="inference")
    async def fork(
        self, context: Handle, count: Annotated[int, Ge(1), Le(64)] = 1
    ) -> list[ContextInfo]:
        """Return new contexts that hold what this one holds. No page is copied until it differs."""
        raise NotImplementedError

    @syscall(device="inference", idempotent=True, deadline=600.0)
    async def score(
        self,
        continuations: Annotated[list[str], MinLen(1), MaxLen(256)],
        context: Handle | None = None,
        messages: list[Message] | None = None,
        text: str | None = None,
    ) -> Scores:
        """Return how likely each continuation is after a context, a conversation or a text, which
        stays as it is and is read once for all of them."""
        raise NotImplementedError

    @syscall(device="inference", idempotent=True, deadline=600.0)
    async def embed(self, texts: Annotated[list[str], MinLen(1), MaxLen(256)]) -> Embeddings:
        """Return texts as vectors, by the sentence model where one runs.

        It sees of each text what its context has room for. Else a vector is the mean of the last
        layer's states over the text's tokens.

        Raises `InvalidArgument` for a text that holds nothing, and `TryAgain` while the sentence
        model is being loaded.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def pin(self, context: Handle, seconds: Annotated[float, Ge(0), Le(3600)]) -> ContextInfo:
        """Ask that a context's pages stay in the device for a while, 0 for no longer. Under need
        they are swapped all the same, the pinned ones last."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def close(self, context: Handle) -> None:
        """Close a context; its pages are free unless others hold them."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def contexts(self) -> list[ContextInfo]:
        """Return the caller's open contexts."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def pages(self) -> PageMap:
        """Return who holds which part of the device's memory; of others' processes only the owner
        of the daemon is told."""
        raise NotImplementedError

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

    @syscall(effect=True, deadline=600.0)
    async def add(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        """Let one more model run beside those there are.

        A call goes to the devices that run the model it names, or the one that `use` has chosen:
        to that which has served its process before, unless another one has less to do. Raises as
        `use` does, and `AlreadyExists` for a target that runs.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def share(self, target: str, share: Share) -> ModelInfo:
        """Let a model that runs serve a share of the processes that name none, by their pids.

        At 1 it takes the place of the chosen one, which stays beside it; at 0 it serves those that
        name it. Calls and contexts that have begun stay where they are. Raises `NotFound` for a
        model that does not run, `InvalidArgument` where more than all is shared out.
        """
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def remove(self, target: str) -> None:
        """Take one of several models away; its calls come to their end. Raises `NotFound`, and
        `InvalidArgument` for the only one."""
        raise NotImplementedError
