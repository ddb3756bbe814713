"""Working memory: what a process has in mind, made smaller when it is full.

Interface:
    Thinking        `think`, `mind`, `compact` for the caller; `sweep` forgets processes that are
                    gone
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from ...syscalls.errors import InputOutputError, QuotaExceeded
from ...syscalls.memory import Mind, Thought
from ...syscalls.model import Message
from ...syscalls.os import OS
from ...syscalls.server import Caller, caller
from .draft import Draft
from .family import Family
from .mind import chosen, line, replaced
from .stores import Stores
from .window import Window

#: The part of its capacity that a full working memory is brought down to: not at each thought.
ROOM = 0.75
#: Tokens of a summary, and what the model is told.
SUMMARY = 160
_TASK = (
    "Sum up these notes of an agent's work so far in a few short sentences. Keep names, numbers,"
    " decisions and what is still to be done."
)
#: Seconds between two looks for processes that are gone, and for which the working memory of one
#: that cannot be looked at stays.
INTERVAL, LONGEST = 300.0, 7 * 86400.0
#: Runs work on the thread of the memory driver's file.
Do = Callable[[Callable[[], Any]], Awaitable[Any]]


class Thinking:
    """The working memories of all callers; what one process asks for happens one by one."""

    def __init__(
        self,
        os: OS,
        stores: Stores,
        family: Family,
        window: Window,
        do: Do,
        on_away: Callable[[], None],
    ) -> None:
        self._os = os
        self._stores = stores
        self._family = family
        self._window = window
        self._do = do
        self._on_away = on_away
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._thought = asyncio.Event()
        self._thought.set()  # Somebody may have left thoughts before the driver's start.

    async def think(self, text: str, pinned: bool) -> Mind:
        """Add a thought; where there is no room for it, others are put away."""
        who, capacity = caller(), await self._window.capacity()
        new = Thought(id=0, text=text, tokens=self._window.count(text), pinned=pinned)
        if new.tokens > capacity:
            raise QuotaExceeded(f"a thought of {new.tokens} tokens; {capacity} may be held")

        def work() -> list[Thought]:
            thoughts = self._stores.minds.of(who.pid)
            if sum(one.tokens for one in thoughts) + new.tokens <= capacity:
                return self._change(who, [*thoughts, new], [])
            held = sum(one.tokens for one in thoughts if one.pinned) + new.tokens
            room = max(int(ROOM * capacity), min(held, capacity)) - new.tokens
            fewer, away = self._smaller(thoughts, room)
            return self._change(who, [*fewer, new], away)

        async with self._lock(who.pid):
            thoughts = await self._do(work)
        self._thought.set()
        self._on_away()
        return _mind(thoughts, capacity)

    async def mind(self, pid: int | None) -> tuple[Mind, bool]:
        """Return a process's working memory, and whether a stranger's words may be in it."""
        who = caller()
        if pid is not None and pid != who.pid:
            await self._os.on_behalf(who.call).process.inspect(pid)
        of = who.pid if pid is None else pid
        thoughts, marked = await self._do(
            lambda: (self._stores.minds.of(of), self._stores.minds.marked(of))
        )
        return _mind(thoughts, await self._window.capacity()), marked

    async def compact(self, tokens: int, summarise: bool) -> Mind:
        """Bring the caller's working memory down to some tokens."""
        who, minds = caller(), self._stores.minds
        async with self._lock(who.pid):
            before = await self._do(lambda: minds.of(who.pid))
            thoughts, away = self._smaller(before, tokens)
            if away and summarise:
                most = min(SUMMARY, tokens)
                away = chosen(before, tokens, lambda _: most)
                text = await self._summary(who, away, most)
                thoughts = replaced(before, away, text, self._window.count(text), tokens)
            if away:
                thoughts = await self._do(lambda: self._change(who, thoughts, away))
                self._on_away()
        return _mind(thoughts, await self._window.capacity())

    async def sweep(self) -> None:
        """Forget the working memories of processes that are gone, now and then."""
        while True:
            await self._thought.wait()
            # Later, also after the driver's start: processes may be about to come back.
            await asyncio.sleep(INTERVAL)
            self._thought.clear()
            with suppress(InputOutputError):  # A file that fails, fails the calls.
                await self.forget_gone()

    async def forget_gone(self) -> None:
        """Forget the working memories of processes that are gone."""
        for pid, principal, age in await self._do(self._stores.minds.processes):
            if age > LONGEST or await self._family.gone(pid, principal):
                await self._do(lambda pid=pid: self._stores.minds.drop(pid))  # type: ignore[misc]

    def _smaller(
        self, thoughts: Sequence[Thought], capacity: int
    ) -> tuple[list[Thought], list[Thought]]:
        count = self._window.count
        away = chosen(thoughts, capacity, lambda some: count(line(some)))
        text = line(away)
        return replaced(thoughts, away, text, count(text), capacity), away

    def _change(
        self, who: Caller, thoughts: Sequence[Thought], away: Sequence[Thought]
    ) -> list[Thought]:
        """Write a working memory, and what was put away into the process's episodes."""
        drafts = [
            Draft(
                text=one.text, tier="episodic", source=f"process {who.pid}", untrusted=who.tainted
            )
            for one in away
            if not one.summary_of  # A line says nothing that is not there already.
        ]
        with self._stores.base:
            self._stores.pieces.write(f"own/{who.principal}/{who.pid}", drafts)
            changed = self._stores.minds.set(who.pid, who.principal, thoughts, who.tainted)
        return changed

    async def _summary(self, who: Caller, away: Sequence[Thought], tokens: int) -> str:
        """Let the caller's model sum thoughts up. Raises as `model.chat` does."""
        notes = "\n".join(one.text for one in away)
        messages: list[Message] = [
            {"role": "system", "content": _TASK},
            {"role": "user", "content": notes},
        ]
        reply = await self._os.on_behalf(who.call).model.chat(messages, max_tokens=max(1, tokens))
        self._window.learn(_TASK + notes, reply.usage.input_tokens)
        said = " ".join((reply.content or "").split())
        text = f"[{sum(one.summary_of or 1 for one in away)} earlier thoughts: {said}]"
        return self._window.cut(text, tokens)

    def _lock(self, pid: int) -> asyncio.Lock:
        return self._locks.setdefault(pid, asyncio.Lock())


def _mind(thoughts: Sequence[Thought], capacity: int) -> Mind:
    tokens = sum(one.tokens for one in thoughts)
    return Mind(thoughts=list(thoughts), tokens=tokens, capacity=capacity)
