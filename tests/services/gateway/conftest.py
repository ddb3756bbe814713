"""The application over a system that answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from llmagentos.services.gateway.app import build
from llmagentos.syscalls.errors import LLMAgentOSError, NotFound, PermissionDenied, TryAgain
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.system import Session
from llmagentos.syscalls.table import Description, describe


class Workshop(Interface, name="workshop"):
    """What the system offers."""

    @syscall()
    async def double(self, number: int) -> int:
        """Return `number` twice & more."""
        raise NotImplementedError

    @syscall()
    async def fails(self, code: str) -> None:
        """Raise what is asked for."""
        raise NotImplementedError

    @syscall()
    async def endless(self) -> None:
        """Never answer."""
        raise NotImplementedError

    @syscall(stream=True)
    async def count(self, to: int) -> AsyncIterator[int]:
        """Yield the numbers below `to`."""
        raise NotImplementedError
        yield


class System:
    """What the gateway asks of the kernel: syscalls, sessions, the table."""

    def __init__(self) -> None:
        self.client = self.system = self
        #: Secrets that stand for a session, by their secret.
        self.tokens = {"good": 7, "other": 8}
        #: Every call that came through, with whose it was.
        self.calls: list[tuple[str, Any, float | None, int]] = []
        self.failure: LLMAgentOSError | None = None
        self.result: Any = None
        self.began = asyncio.Event()
        self.cancelled = False
        self.ready = True

    async def table(self) -> list[Description]:
        return describe(Workshop)

    async def status(self) -> Any:
        return SimpleNamespace(ready=self.ready)

    async def session(self, secret: str) -> Session:
        if secret not in self.tokens:
            raise PermissionDenied("the token is unknown, expired or revoked")
        return Session(pid=self.tokens[secret], principal="alice", token=secret)

    async def call(self, name: str, arguments: Any, *, deadline: float | None, behalf: int) -> Any:
        self.calls.append((name, arguments, deadline, behalf))
        if self.failure is not None:
            raise self.failure
        if name == "workshop.endless":
            self.began.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return self.result if self.result is not None else arguments.get("number", 0) * 2

    async def stream(
        self, name: str, arguments: Any, *, deadline: float | None, behalf: int
    ) -> AsyncIterator[Any]:
        self.calls.append((name, arguments, deadline, behalf))
        if self.failure is not None:
            raise self.failure
        for number in range(arguments["to"]):
            yield number
        if arguments["to"] == 3:
            raise NotFound("there are no more")


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def app(system: System) -> ASGIApp:
    return build(cast(OS, system))


@pytest.fixture
def http(app: ASGIApp) -> Iterator[TestClient]:
    headers = {"Authorization": "Bearer good"}
    with TestClient(
        app, base_url="http://localhost", headers=headers, follow_redirects=False,
        raise_server_exceptions=False,
    ) as client:  # fmt: skip
        yield client


BUSY = TryAgain("the queue is full", retry_after=2.4)
