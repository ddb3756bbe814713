"""The learning service: knows the jobs, keeps the models, decides which one answers.

It owns nothing that learns, and loads nothing that does: jobs are processes of their own.

Interface:
    LearningService     implements `Learning`
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ...syscalls.errors import InvalidArgument, LLMAgentOSError, NotFound
from ...syscalls.host import Host
from ...syscalls.learning import (
    Episode,
    JobInfo,
    JobKind,
    Learning,
    ModelCard,
    Point,
    Promotion,
    Verdict,
)
from ...syscalls.server import caller
from .advice import Advice
from .promotions import Promotions
from .shelf import Shelf
from .store import Store, check
from .trajectories import Trajectories
from .weights import KINDS, kind_of, measure

T = TypeVar("T")
#: Seconds in which the device says what answers; else a model is taken to be needed.
PATIENCE = 5.0
#: Points of a curve on a job's page, and processes that are known to have fetched models.
DRAWN, REMEMBERED = 600, 1000


class LearningService(Learning):
    """Jobs and models of the callers' principals."""

    SETTINGS = ()

    async def setup(self, host: Host) -> None:
        self._host = host
        #: Reports come often: they wait neither on the loop nor for models that are copied.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs")
        self._shelf = await self._do(lambda: Shelf(host.state / "learning.db"))
        self._store = await asyncio.to_thread(Store, host.state / "models")
        self._trajectories = await asyncio.to_thread(Trajectories, host)
        self._advice = Advice()
        self._promotions = await self._do(lambda: Promotions(host.state / "promotions.db"))
        #: Held while a name is given or taken away.
        self._naming = asyncio.Lock()
        #: What processes have fetched of late, by pid: targets, needed while their jobs run.
        self._fetched: OrderedDict[int, set[str]] = OrderedDict()

    async def teardown(self) -> None:
        await self._do(self._shelf.close)
        self._trajectories.close()
        self._promotions.close()
        self._thread.shutdown()

    # Jobs, as they report themselves.

    async def begin(
        self,
        kind: JobKind,
        name: str,
        recipe: dict[str, Any],
        total: int | None = None,
        step: int = 0,
    ) -> int:
        who = caller()
        await self._settle(who.principal)
        folder = str(await self._host.home(who))
        return await self._do(
            lambda: self._shelf.begin(
                who.principal, who.pid, kind, name, recipe, total=total, step=step, folder=folder
            )
        )

    async def report(
        self, job: int, step: int, metrics: dict[str, float], total: int | None = None
    ) -> None:
        who = caller()
        await self._do(
            lambda: self._shelf.report(who.principal, who.pid, job, step, metrics, total)
        )

    async def finish(
        self, job: int, state: Literal["succeeded", "failed", "stopped"], reason: str | None = None
    ) -> None:
        who = caller()
        await self._do(lambda: self._shelf.finish(who.principal, who.pid, job, state, reason))

    # For whoever looks.

    async def jobs(self, limit: int = 100) -> list[JobInfo]:
        principal = caller().principal
        await self._settle(principal)
        return await self._do(lambda: self._shelf.ls(principal, limit))

    async def job(self, id: int) -> JobInfo:
        principal = caller().principal
        await self._settle(principal)
        return await self._do(lambda: self._shelf.get(principal, id))

    async def curves(self, id: int, after: int = -1, names: list[str] | None = None) -> list[Point]:
        principal = caller().principal

        def work() -> list[Point]:
            self._shelf.get(principal, id)
            return self._shelf.curves(id, after, names)

        return await self._do(work)

    async def page(self, id: int) -> str:
        from .page import render

        job, principal = await self.job(id), caller().principal
        points = await self._do(lambda: self._shelf.thinned(id, DRAWN))

        def work() -> str:
            cards = self._store.ls(principal)
            return render(job, points, [card for card in cards if _concerns(job, card)])

        return await asyncio.to_thread(work)

    # Models.

    async def publish(
        self,
        name: str,
        folder: str,
        kind: str = "causal",
        job: int | None = None,
        parent: str | None = None,
        recipe: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        scores: dict[str, float] | None = None,
    ) -> ModelCard:
        who = caller()
        if job is not None:
            await self._do(lambda: self._shelf.own(who.principal, who.pid, job))
        card = await self._kept(
            name,
            await self._host.home(who),
            folder,
            kind=kind,
            job=job,
            parent=parent,
            recipe=recipe or {},
            data=data or {},
            scores=scores or {},
        )
        if job is not None:
            await self._do(lambda: self._shelf.gave(who.principal, who.pid, job, card.name))
        return card

    async def adopt(self, name: str, path: str, parent: str | None = None) -> ModelCard:
        kind = await asyncio.to_thread(_looked_at, path)
        return await self._kept(
            name,
            None,
            path,
            kind=kind,
            job=None,
            parent=parent,
            recipe={},
            data={"adopted from": path},
            scores={},
        )

    async def fetch(self, name: str, folder: str) -> ModelCard:
        who, stop = caller(), threading.Event()
        home = await self._host.home(who)
        card = await _stoppable(
            stop, partial(self._store.give, who.principal, name, home, folder, stop)
        )
        self._fetched.setdefault(who.pid, set()).add(card.target)
        if len(self._fetched) > REMEMBERED:
            self._fetched.popitem(last=False)
        return card

    async def models(self) -> list[ModelCard]:
        return await asyncio.to_thread(self._store.ls, caller().principal)

    async def card(self, name: str) -> ModelCard:
        return await asyncio.to_thread(self._store.card, caller().principal, name)

    async def judge(self, name: str, verdict: Verdict) -> None:
        async with self._naming:
            await asyncio.to_thread(self._store.judge, caller().principal, name, verdict)

    async def discard(self, name: str) -> None:
        principal = caller().principal
        async with self._naming:
            held = await self._held()
            await asyncio.to_thread(self._store.discard, principal, name, held)

    async def promote(self, name: str, share: float = 1.0, overrule: bool = False) -> Promotion:
        async with self._naming:
            card, os = await self.card(name), self._host.os.on_behalf(caller().call)
            return await self._promotions.promote(os, card, share, overrule)

    async def rollback(self) -> Promotion:
        async with self._naming:
            return await self._promotions.rollback(self._host.os.on_behalf(caller().call))

    async def promotions(self, limit: int = 100) -> list[Promotion]:
        return await self._do(lambda: self._promotions.ls(limit))

    async def advise(self, name: str, state: Any) -> dict[str, float]:
        principal = caller().principal
        return await asyncio.to_thread(
            lambda: self._advice.scores(self._store.card(principal, name), state)
        )

    # Episodes.

    async def trajectories(
        self,
        pids: list[int] | None = None,
        name: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[Episode]:
        return await self._trajectories.read(caller(), pids, name, after, limit)

    async def reward(
        self, pid: int, value: float, by: str | None = None, note: str | None = None
    ) -> None:
        await self._trajectories.reward(caller(), pid, value, by, note)

    # How it is done.

    async def _settle(self, principal: str) -> None:
        """Find out which jobs' processes have ended without a word."""
        for job, pid in await self._do(lambda: self._shelf.running(principal)):
            ended = None
            try:
                process = await self._host.os.process.inspect(pid)
                if process.state != "zombie":
                    continue
                ended = process.ended
            except NotFound:
                pass  # It has ended, and nobody remembers when.
            except LLMAgentOSError:
                continue
            await self._do(partial(self._shelf.lose, job, ended))

    async def _kept(self, name: str, home: Path | None, path: str, **known: Any) -> ModelCard:
        """Take a folder into the store."""
        principal, stop = caller().principal, threading.Event()
        check(name)
        if known["kind"] not in KINDS:
            raise InvalidArgument(f"a model is one of {', '.join(sorted(KINDS))}")
        taken = await _stoppable(
            stop, partial(self._store.take, principal, home, path, known["kind"], stop)
        )
        try:
            async with self._naming:
                held = await self._held()
                return await asyncio.to_thread(
                    partial(self._store.place, principal, name, taken, held, **known)
                )
        finally:
            await asyncio.to_thread(self._store.drop, taken)

    async def _held(self) -> set[str]:
        """Return the targets that answer calls, would after a rollback, or are worked on by a job;
        where nobody says what answers, those of all models."""
        principal = caller().principal
        await self._settle(principal)
        running = await self._do(lambda: self._shelf.running(principal))
        fetched = (self._fetched.get(pid, ()) for _, pid in running)
        try:
            async with asyncio.timeout(PATIENCE):
                answering = {one.target for one in await self._host.os.model.ls()}
        except (TimeoutError, LLMAgentOSError):
            answering = {card.target for card in await self.models()}
        return answering.union(await self._do(self._promotions.held), *fetched)

    async def _do(self, work: Callable[[], T]) -> T:
        """Run on the files' thread. Raises `InputOutputError` where a file fails."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _stoppable(stop: threading.Event, work: Callable[[], T]) -> T:
    """Run in a thread that ends early, and leaves nothing, once the call is taken back."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise


def _looked_at(path: str) -> str:
    """Return what a folder of the machine is, before all that is in it is copied."""
    kind = kind_of(path)
    if Path(path).is_dir():
        measure(Path(path), kind)
    return kind


def _concerns(job: JobInfo, card: ModelCard) -> bool:
    """Whether a job has made a model, or judged it."""
    if job.kind != "evaluate":
        return card.job == job.id and card.name in job.models
    ended = math.inf if job.ended is None else job.ended
    return any(job.started <= one.time <= ended for one in card.verdicts)
