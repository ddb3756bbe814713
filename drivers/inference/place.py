"""A device that somebody wants: its engine is loaded, watched, and loaded again once it has failed.

Interface:
    Place           `take` a first engine or `keep` trying; `tenure` while one runs
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from ...syscalls.errors import DeviceError
from ...syscalls.model import ModelInfo
from .choice import Choice
from .contract import Engine
from .openai.address import shown
from .tenure import Tenure

#: Seconds before what cannot be run is tried again; the last one again and again.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


class Place:
    """One choice, and the engine that runs it for now."""

    def __init__(
        self,
        choice: Choice,
        open: Callable[[Choice], Awaitable[Engine]],
        changed: Callable[[], Awaitable[None]],
        lost: Callable[[Tenure], None],
    ) -> None:
        self.choice = choice
        self.tenure: Tenure | None = None
        #: Why it does not run; None while it does, or is being loaded for the first time.
        self.failure: str | None = None
        #: What kept it from being loaded when that was last tried.
        self._refusal: Exception | None = None
        self._open = open
        #: Told after an engine has come or gone; it may fail.
        self._changed = changed
        #: Told of an engine that has gone, before anything else.
        self._lost = lost
        self._task: asyncio.Task[None] | None = None

    @property
    def refused(self) -> bool:
        """Whether it could not be loaded when that was last tried."""
        return self._refusal is not None

    @property
    def wrong(self) -> bool:
        """Whether that is by what was chosen, such as a folder without a model: it helps nobody to
        wait, as it does for a server that is down."""
        return self.refused and not isinstance(self._refusal, DeviceError)

    def keep(self, tasks: asyncio.TaskGroup) -> None:
        """Have an engine run from now on, whatever becomes of one."""
        self._task = tasks.create_task(self._keep())

    async def give_up(self) -> None:
        """Load and watch no more; the engine, if there is one, goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def take(self) -> None:
        """Load an engine. Raises whatever it fails with."""
        engine = await self._open(self.choice)
        self.choice = replace(self.choice, sentences="sentences" in engine.flags)
        self.tenure = Tenure(engine)
        self.failure = self._refusal = None

    def info(self, chosen: bool) -> ModelInfo:
        """Return what it runs, or is to run."""
        if self.tenure is not None:
            return self.tenure.info(chosen)
        return named(self.choice.label, f"failed: {self.failure}" if self.failure else "loading")

    async def _keep(self) -> None:
        pauses = _pauses()
        while True:
            if self.tenure is None:
                try:
                    await self.take()
                except Exception as error:  # whatever it is, a person can still choose another
                    before = self.refused, self.wrong
                    self._refusal = error.with_traceback(None)  # which would keep what it loaded
                    self._mourn(shown(str(error)) or type(error).__name__)
                    if before != (self.refused, self.wrong):  # others may have waited for it
                        await self._tell()
                    await asyncio.sleep(next(pauses))
                    continue
                await self._tell()
            pauses = _pauses()
            await self._outlive(self.tenure)
            await self._tell()

    async def _outlive(self, tenure: Tenure | None) -> None:
        """Wait for an engine's end, and let go of it."""
        assert tenure is not None, "it is watched once it runs"
        reason = await tenure.engine.failed()
        self.tenure = None
        self._lost(tenure)
        self._mourn(reason)
        await tenure.engine.close()

    async def _tell(self) -> None:
        """Say what runs, until that is heard."""
        for pause in _pauses():
            try:
                await self._changed()
                return
            except Exception as error:  # the kernel is busy, say
                print(f"{self.choice.label} is not announced: {error}", file=sys.stderr)
                await asyncio.sleep(pause)

    def _mourn(self, reason: str) -> None:
        self.failure = reason
        print(f"{self.choice.label} cannot be run: {reason}", file=sys.stderr)


def named(target: str, state: str) -> ModelInfo:
    """Return what is known of a model that does not run."""
    device = target.partition(":")[0] if target.startswith(("openai:", "scripted:")) else "local"
    return ModelInfo(target=target, name=target, active=False, device=device, state=state)


def _pauses() -> Iterator[float]:
    yield from PAUSES
    while True:
        yield PAUSES[-1]
