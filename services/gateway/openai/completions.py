"""`/v1/completions`: each prompt is put to the model as a user's message.

Interface:
    CompletionRequest   what is asked
    complete            the answer, whole or in pieces
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.responses import JSONResponse, Response
from pydantic import Field

from ....syscalls.model import ChatChunk, ChatReply, MaxTokens
from .body import Sampled
from .caller import Caller
from .chat import MOST, StreamOptions, seeded
from .chunks import events
from .events import streamed
from .logprobs import columns
from .refusal import Refusal
from .reply import finish, head, spent, together


class CompletionRequest(Sampled):
    """What is asked."""

    prompt: str | list[str]
    max_tokens: MaxTokens | None = None
    n: Annotated[int, Field(ge=1, le=MOST)] | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    unsupported = ("suffix", "logit_bias")

    @property
    def prompts(self) -> list[str]:
        """One prompt for each reply that is wanted."""
        prompts = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        return [prompt for prompt in prompts for _ in range(self.n or 1)]

    def asks(self, model: str | None) -> list[dict[str, Any]]:
        """Return the arguments of `model.chat` for each reply. Raises `Refusal`."""
        if not 0 < len(self.prompts) <= MOST:
            raise Refusal(f"a request is for 1 to {MOST} completions", param="prompt")
        if self.best_of not in (None, self.n or 1):
            raise Refusal.unsupported("best_of", "all that are drawn are returned")
        if self.echo and self.logprobs is not None:
            raise Refusal.unsupported("echo", "a prompt's own log-probabilities are not known")
        drawn = {"model": model, **self.sampling(self.max_tokens)}
        if self.logprobs is not None:
            drawn |= {"logprobs": True, "top_logprobs": self.logprobs}
        return [
            {"messages": [{"role": "user", "content": prompt}], **one}
            for prompt, one in zip(self.prompts, seeded(drawn, len(self.prompts)), strict=True)
        ]


async def complete(request: CompletionRequest, caller: Caller, model: str | None) -> Response:
    """Answer one request. Raises `Refusal` or whatever its calls end in."""
    asks = request.asks(model)
    before = request.prompts if request.echo else [""] * len(asks)
    if request.stream:
        options = request.stream_options or StreamOptions()
        streams = [caller.stream(ask) for ask in asks]
        top = head("text_completion", "cmpl", request.model)
        return await streamed(events(streams, top, _Texts(before).parts, options.include_usage))
    replies = await together(caller, asks)
    return JSONResponse(
        {
            **head("text_completion", "cmpl", replies[0].model),
            "choices": [
                {"index": place, **_part(text + (one.content or ""), one)}
                for place, (text, one) in enumerate(zip(before, replies, strict=True))
            ],
            "usage": spent([one.usage for one in replies]),
        }
    )


class _Texts:
    """The pieces of several texts, each of which begins with what is to be echoed."""

    def __init__(self, before: list[str]) -> None:
        self._before = before
        self._lengths = [0] * len(before)

    def parts(self, place: int, chunk: ChatChunk, first: bool) -> list[dict[str, Any]]:
        """Return a piece of one of them."""
        text = (self._before[place] if first else "") + chunk.content
        offset = self._lengths[place]
        self._lengths[place] += len(text)
        return [_part(text, chunk, offset)]


def _part(text: str, piece: ChatReply | ChatChunk, offset: int = 0) -> dict[str, Any]:
    return {
        "text": text,
        "logprobs": None if piece.logprobs is None else columns(piece.logprobs, offset),
        "finish_reason": finish(piece.finish_reason),
    }
