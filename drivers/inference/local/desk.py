"""Where calls are handed in to the engine, and waited for on the event loop.

Interface:
    Desk            `reply`, `read`, `together`
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from ..contract import Delta, Meter, Owner, Sampling
from .call import Call
from .context import Context
from .ear import Ear
from .engine import PagedEngine
from .matcher import Matcher
from .reading import Reading
from .sampler import Sampler
from .sequence import Sequence


class Desk:
    """One engine's. All of it raises as `PagedEngine.submit` does, and whatever a call fails with;
    whoever waits no longer takes the call back."""

    def __init__(
        self, engine: PagedEngine, decode: Callable[[list[int]], str], ends: frozenset[int]
    ) -> None:
        self._engine = engine
        self._decode = decode
        self._ends = ends

    def reply(
        self,
        context: Context,
        sampling: Sampling,
        matcher: Matcher | None,
        owner: Owner,
        meter: Meter,
        *,
        brings: int,
        limit: int,
    ) -> AsyncGenerator[Delta, None]:
        """Hand in a reply of up to `limit` tokens and return its pieces to come."""
        ear = Ear[Delta]()
        call = Sequence(
            context,
            limit=min(sampling.max_tokens, limit),
            sampler=Sampler(sampling, context.tokens, matcher),
            decode=self._decode,
            emit=ear.tell,
            fail=ear.tell,
            ends=self._ends,
            stop=sampling.stop,
            tools=bool(context.tools),
            logprobs=sampling.logprobs,
            owner=owner,
            meter=meter,
            brings=brings,
        )
        self._engine.submit(call)
        return self._deltas(call, ear)

    async def read(self, context: Context, owner: Owner, meter: Meter, brings: int) -> None:
        """Read what a context holds, all but the last token."""
        ear = Ear[None]()
        call = Reading(
            context, owner=owner, meter=meter, brings=brings, done=ear.tell, fail=ear.tell
        )
        self._engine.submit(call)
        try:
            await ear.hear()
        finally:
            await self._take_back(call)

    async def together(
        self,
        contexts: list[Context],
        kind: Callable[..., Call],
        owner: Owner,
        meter: Meter,
        brings: list[int],
    ) -> list[Any]:
        """Run a call on each of the contexts, which are let go; returns their outcomes."""
        ears = [Ear[Any]() for _ in contexts]
        fields, calls = {"owner": owner, "meter": meter}, list[Call]()
        try:
            for context, ear, count in zip(contexts, ears, brings, strict=True):
                call = kind(context, **fields, brings=count, done=ear.tell, fail=ear.tell)
                self._engine.submit(call)
                calls.append(call)
            return [await ear.hear() for ear in ears]
        finally:
            for context in contexts:
                self._engine.release(context)
            await self._take_back(*calls)

    async def _deltas(self, call: Call, ear: Ear[Delta]) -> AsyncGenerator[Delta, None]:
        try:
            while True:
                delta = await ear.hear()
                yield delta
                if delta.finish is not None:
                    return
        finally:
            await self._take_back(call)

    async def _take_back(self, *calls: Call) -> None:
        """Take calls out, and wait until they have paid for the step that they are in."""
        ear = Ear[None]()
        told = partial(ear.tell, None)
        for _ in [one for one in calls if not self._engine.cancel(one, told)]:
            await ear.hear()
