"""The model, as far as planning needs it: a conversation and ways in which it may go on.

Interface:
    Voice           the contract
    Contexts        over forked contexts: what all lines share is read once
    Chats           over whole conversations, for a device that has no contexts
    Draw            how one reply is drawn
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ...syscalls.errors import LLMAgentOSError, NotFound
from ...syscalls.model import ChatReply, Message
from ...syscalls.os import OS
from .line import Line, results
from .together import together

Said = tuple[ChatReply, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How one reply is drawn."""

    max_tokens: int
    temperature: float
    min_p: float
    seed: int


class Voice(Protocol):
    """A conversation, the present, and replies behind it that are only thought of."""

    async def open(self, messages: list[Message], tools: list[dict[str, Any]]) -> None:
        """Begin the conversation."""

    async def observe(self, messages: list[Message]) -> None:
        """Let the conversation go on with what has happened."""

    async def draw(self, line: Line, draws: Sequence[Draw]) -> list[Said]:
        """Return a reply behind a line for each draw, and the handle of the line with it."""

    async def drop(self, handles: Sequence[int | None]) -> None:
        """Forget lines that nothing will follow."""

    async def settle(self) -> None:
        """Forget every line; the present stays."""

    async def close(self) -> None:
        """Give back everything. Never raises."""


class Contexts:
    """Lines are forks of the caller's context of the present."""

    def __init__(self, os: OS) -> None:
        self._model = os.model
        self._trunk = 0
        #: All open forks, with whether the results of the last calls were read into them.
        self._forks: dict[int, bool] = {}
        self._reading = asyncio.Lock()

    @property
    def held(self) -> list[int]:
        """Contexts that are open."""
        return [*self._forks, *([self._trunk] if self._trunk else [])]

    async def open(self, messages: list[Message], tools: list[dict[str, Any]]) -> None:
        """As `Voice.open`."""
        self._trunk = (await self._model.open(messages=messages, tools=tools)).context

    async def observe(self, messages: list[Message]) -> None:
        """As `Voice.observe`."""
        await self._model.append(self._trunk, messages=messages)

    async def draw(self, line: Line, draws: Sequence[Draw]) -> list[Said]:
        """As `Voice.draw`."""
        handle = self._trunk if line.handle is None else line.handle
        async with self._reading:
            if line.replies and not self._forks[handle]:
                last = line.replies[-1].asks
                told = [ask.expected for ask in last if ask.expected is not None]
                await self._model.append(handle, messages=results(last, told))
                self._forks[handle] = True
        forks = [one.context for one in await self._model.fork(handle, len(draws))]
        self._forks |= dict.fromkeys(forks, False)
        said = await together(
            self._model.generate(
                fork,
                max_tokens=draw.max_tokens,
                temperature=draw.temperature,
                min_p=draw.min_p,
                seed=draw.seed,
                logprobs=True,
            )
            for fork, draw in zip(forks, draws, strict=True)
        )
        return list(zip(said, forks, strict=True))

    async def drop(self, handles: Sequence[int | None]) -> None:
        """As `Voice.drop`."""
        for handle in handles:
            if handle is not None and handle in self._forks:
                with suppress(NotFound):
                    await self._model.close(handle)
                self._forks.pop(handle, None)

    async def settle(self) -> None:
        """As `Voice.settle`."""
        await self.drop(list(self._forks))

    async def close(self) -> None:
        """As `Voice.close`; what cannot be closed, since the call is over, stays `held`."""
        for handle in self.held:
            try:
                await self._model.close(handle)
            except NotFound:
                pass
            except LLMAgentOSError:
                return
            self._forks.pop(handle, None)
            self._trunk = 0 if handle == self._trunk else self._trunk


class Chats:
    """Each line is the whole conversation, sent again."""

    def __init__(self, os: OS) -> None:
        self._model = os.model
        self._messages: list[Message] = []
        self._tools: list[dict[str, Any]] = []

    async def open(self, messages: list[Message], tools: list[dict[str, Any]]) -> None:
        """As `Voice.open`."""
        self._messages, self._tools = list(messages), tools

    async def observe(self, messages: list[Message]) -> None:
        """As `Voice.observe`."""
        self._messages += messages

    async def draw(self, line: Line, draws: Sequence[Draw]) -> list[Said]:
        """As `Voice.draw`."""
        messages = list(self._messages)
        for reply in line.replies:
            told = [ask.expected for ask in reply.asks if ask.expected is not None]
            messages += reply.messages(told)
        said = await together(
            self._model.chat(
                messages,
                tools=self._tools,
                max_tokens=draw.max_tokens,
                temperature=draw.temperature,
                min_p=draw.min_p,
                seed=draw.seed,
                logprobs=True,
            )
            for draw in draws
        )
        return [(one, None) for one in said]

    async def drop(self, handles: Sequence[int | None]) -> None:
        """As `Voice.drop`."""

    async def settle(self) -> None:
        """As `Voice.settle`."""

    async def close(self) -> None:
        """As `Voice.close`."""
