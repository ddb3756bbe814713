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
from ...syscalls.system import Event, NewToken, Session, Status, System, TokenInfo
from ...syscalls.table import Description
from ..budget import Limits
from ..capability import CapabilitySet
from ..process import ControlBlock, Kind, State
from .house import House
from .memory import resident


class Affairs(System):
    """How the house is, who lives in it, and who may enter."""

    def __init__(self, house: House, stop: asyncio.Event, journal: Callable[[], str]) -> None:
        self._house = house
        self._stop = stop
        self._journal = journal
        self._started = time.monotonic()
        self._sessions: dict[str, ControlBlock] = {}  # by token id

    async def table(self) -> list[Description]:
        return self._house.trap.registry.descriptions()

    async def status(self) -> Status:
        house = self._house
        states = Counter(house.info(one).state for one in house.table if one.kind is Kind.AGENT)
        children = [one.os_pid for one in house.table if one.os_pid is not None]
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
            memory={"kernel": resident(os.getpid()), "processes": sum(map(resident, children))},
        )

    async def provide(self, syscalls: list[Description]) -> None:
        self._house.trap.provide(self._house.caller(), syscalls)

    async def ready(self, url: str | None = None) -> None:
        self._house.supervisor.ready(self._house.caller(), url)

    async def shutdown(self) -> None:
        self._house.events.emit("system.stopping", "the daemon was asked to stop")
        # The answer goes out first.
        asyncio.get_running_loop().call_later(0.05, self._stop.set)

    async def events(self, follow: bool = True, tail: int = 100) -> AsyncIterator[Event]:
        if not follow:
            for event in self._house.events.last(tail):
                yield event
            return
        async for event in self._house.events.follow(tail):
            yield event

    async def token_create(
        self,
        name: str,
        capabilities: list[str] | None = None,
        budget: dict[str, float] | None = None,
        expires_in: float | None = None,
    ) -> NewToken:
        me = self._house.caller()
        if capabilities is None:
            held = me.capabilities
        else:
            held = me.capabilities.attenuate(CapabilitySet.parse(capabilities))
        Limits.parse(budget or {})
        return self._house.tokens.create(
            name=name,
            principal=me.principal,
            capabilities=[str(one) for one in held],
            budget=budget or {},
            expires_in=expires_in,
        )

    async def token_ls(self) -> list[TokenInfo]:
        return self._house.tokens.ls(self._house.caller().principal)

    async def token_revoke(self, id: str) -> None:
        self._house.tokens.revoke(self._house.caller().principal, id)
        session = self._sessions.pop(id, None)
        if session is not None:
            self._house.trap.sessions.pop(session.pid, None)
            self._house.table.exit(session, 0, "its token was revoked")
            self._house.table.reap(session.pid)

    async def session(self, secret: str) -> Session:
        me = self._house.caller()
        if me.kind is not Kind.SERVICE:
            raise PermissionDenied("only a service opens sessions")
        token = self._house.tokens.find(secret)
        process = self._sessions.get(token.id)
        if process is None:
            process = self._sessions[token.id] = self._house.table.create(
                principal=token.principal,
                program=f"token {token.name}",
                capabilities=CapabilitySet.parse(token.capabilities),
                limits=Limits.parse(token.budget),
                kind=Kind.SESSION,
                name=token.name,
            )
            process.state = State.RUNNING
        self._house.trap.sessions[process.pid] = (me, process)
        return Session(pid=process.pid, principal=process.principal, token=token.id)
