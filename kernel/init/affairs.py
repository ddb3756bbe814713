"""The system interface, answered by process 1.

Interface:
    Affairs         implements `System`
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from ... import __version__
from ...syscalls.errors import PermissionDenied
from ...syscalls.system import Event, JournalInfo, NewToken, Session, Status, System, TokenInfo
from ...syscalls.table import Description
from ..journal.compaction import check
from ..process import ControlBlock, Kind
from .house import House
from .memory import Gauge
from .sessions import Sessions


class Affairs(System):
    """How the house is, who lives in it, and who may enter."""

    def __init__(self, house: House, stop: asyncio.Event, journal: Callable[[], str]) -> None:
        self._house = house
        self._stop = stop
        self._journal = journal
        self._started = time.monotonic()
        self._memory = Gauge()
        self._sessions = Sessions(
            table=house.table,
            trap=house.trap,
            post=house.post,
            tokens=house.tokens,
            keys=house.agents.keys,
            principals=house.principals,
        )

    async def teardown(self) -> None:
        self._sessions.note()

    async def table(self) -> list[Description]:
        return self._house.trap.registry.descriptions()

    async def status(self) -> Status:
        house = self._house
        agents = (one for one in house.table if one.kind is Kind.AGENT and not one.worker)
        states = Counter(house.info(one).state for one in agents)
        return Status(
            version=__version__,
            os_pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            processes=dict(states),
            syscalls=house.trap.answered,
            in_flight=house.trap.pending - 1,  # All but this one.
            services=[service.info() for service in house.supervisor.services],
            ready=house.supervisor.all_ready,
            journal=self._journal(),
            state=str(house.paths.state),
            url=next((s.url for s in house.supervisor.services if s.url), None),
            memory=await self._memory.read(os.getpid()),
        )

    async def journal(self) -> JournalInfo:
        self._house.history.flush()
        found = await asyncio.to_thread(check, self._house.paths.journal)
        return JournalInfo(**{name: getattr(found, name) for name in JournalInfo.__slots__})

    async def provide(self, syscalls: list[Description]) -> None:
        self._house.trap.provide(self._provider(), syscalls)

    async def effects(self, name: str, of: dict[str, bool]) -> None:
        self._house.trap.registry.say(self._provider(), name, of)

    async def ready(self, url: str | None = None) -> None:
        self._house.supervisor.ready(self._provider(), url)

    def _provider(self) -> ControlBlock:
        """Return the caller, which has to be a driver or service."""
        me = self._house.caller()
        if me.kind not in (Kind.DRIVER, Kind.SERVICE):
            raise PermissionDenied("only a driver or service answers syscalls")
        return me

    async def shutdown(self) -> None:
        self._house.events.emit("system.stopping", "the daemon was asked to stop")
        # The answer goes out first.
        asyncio.get_running_loop().call_later(0.05, self._stop.set)

    async def events(self, follow: bool = True, tail: int = 100) -> AsyncIterator[Event]:
        house, me = self._house, self._house.caller()

        def mine(event: Event) -> bool:
            # The owner sees everybody's, and the system's own; anybody else those of its processes.
            of = None if event.pid is None else house.table.find(event.pid)
            return me.principal == house.principals.owner or (
                of is not None and of.principal == me.principal
            )

        if not follow:
            for event in house.events.last(tail, mine):
                yield event
            return
        async for event in house.events.follow(tail, mine):
            yield event

    async def token_create(
        self,
        name: str,
        capabilities: list[str] | None = None,
        budget: dict[str, float] | None = None,
        expires_in: float | None = None,
        principal: str | None = None,
    ) -> NewToken:
        return self._sessions.make(
            self._house.caller(),
            name=name,
            capabilities=capabilities,
            budget=budget,
            expires_in=expires_in,
            principal=principal,
        )

    async def token_ls(self) -> list[TokenInfo]:
        me = self._house.caller()
        return self._house.tokens.ls(self._sessions.reach(me), self._sessions.token(me))

    async def token_revoke(self, id: str, capabilities: list[str] | None = None) -> None:
        me = self._house.caller()
        try:
            self._sessions.revoke(me, id, capabilities)
        finally:
            # Even where it cannot be saved that it is revoked.
            self._sessions.sweep()

    async def session(self, secret: str) -> Session:
        me = self._house.caller()
        if me.kind is not Kind.SERVICE:
            raise PermissionDenied("only a service opens sessions")
        process, name = self._sessions.open(secret, me)
        return Session(pid=process.pid, principal=process.principal, token=name)
