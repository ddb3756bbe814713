"""A real daemon, and places outside of every sandbox that an escape would reach."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from llmagentos.syscalls.os import OS

from ..acceptance.conftest import House
from ..integration.conftest import Daemon

ESCAPES = Path(__file__).with_name("escapes.py")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("aos") / "s")
    yield made
    made.close()


@pytest.fixture(scope="module")
def places(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What lies outside, with somebody who listens there."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("a secret")
    other = daemon.state / "home" / "somebody" / "other"
    other.mkdir(parents=True)
    (other / "secret").write_text("a secret")
    shared = Path("/dev/shm") / f"aos-{os.getpid()}"
    shared.write_text("a secret")
    abstract = f"aos-test-{os.getpid()}"
    with ExitStack() as stack:
        stack.callback(shared.unlink)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for name in (str(outside / "socket"), f"\0{abstract}"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listener.bind(name)
            listener.listen(16)
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(outside / "datagrams"))
        yield {
            "outside": str(outside),
            "other": str(other),
            "pid": daemon.process.pid,
            "port": tcp.getsockname()[1],
            "socket": str(outside / "socket"),
            "datagrams": str(outside / "datagrams"),
            "control": str(daemon.state / "kernel.sock"),
            "abstract": abstract,
            "netns": os.stat("/proc/self/ns/net").st_ino,
            "shm": str(shared),
        }


def as_agent(daemon: Daemon, places: dict[str, Any]) -> list[tuple[str, str]]:
    """Try all escapes as a Python agent."""

    async def work(os: OS) -> list[str]:
        task = json.dumps({**places, "loop": True, "own": 3})
        pid = await os.process.spawn(str(ESCAPES), task=task)
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    return _read(daemon.run(work))


def as_program(daemon: Daemon, places: dict[str, Any]) -> list[tuple[str, str]]:
    """Try all escapes as a program that knows nothing of this system."""

    async def work(os: OS) -> list[str]:
        told = json.dumps({**places, "own": 3})
        pid = await os.process.spawn("-", arguments=[sys.executable, str(ESCAPES), told])
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    return _read(daemon.run(work))


def as_tool(daemon: Daemon, places: dict[str, Any]) -> list[tuple[str, str]]:
    """Try all escapes as code that the tool `python` runs."""
    text = ESCAPES.read_text().partition('if __name__ == "__main__":')[0]
    code = f"{text}\nmain(None, {json.dumps({**places, 'alone': True})!r})\n"

    async def work(os: OS) -> list[str]:
        return (await os.tool.call("python", {"code": code})).text.splitlines()

    return _read(daemon.run(work))


def _read(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        assert line.startswith("["), lines
        name, outcome = json.loads(line)
        found.append((name, outcome))
    return found


class Fort(House):
    """A house with a policy and its gateway, spoken to over HTTP; without a model."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self._url: SplitResult | None = None
        self.policy = state.parent / "config/llmagentos/policy.toml"
        self.policy.parent.mkdir(parents=True)
        self.environment |= {
            "XDG_CONFIG_HOME": str(state.parent / "config"),
            "LLMAGENTOS_DRIVERS__INFERENCE__ENABLED": "false",
            "LLMAGENTOS_SERVICES__LEARNING__ENABLED": "false",
            "LLMAGENTOS_SERVICES__PLANNER__ENABLED": "false",
        }

    def token(self, *arguments: str) -> str:
        return self.aos("token", "create", *arguments).out.strip()

    @contextmanager
    def follow(self, pid: str) -> Iterator[Iterator[str]]:
        """Give the lines that a process writes, from the first on."""
        with self._lines("logs", "-f", pid) as lines:
            yield (line.strip() for line in lines)

    @contextmanager
    def events(self, kind: str) -> Iterator[Iterator[Any]]:
        """Give the events of a kind, with those of before."""
        with self._lines("events", "--json") as lines:
            yield (one for one in map(json.loads, lines) if one["kind"] == kind)

    @contextmanager
    def _lines(self, *arguments: str) -> Iterator[Iterator[str]]:
        follow = subprocess.Popen(
            [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()",
             *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
        )  # fmt: skip
        assert follow.stdout is not None
        try:
            yield follow.stdout
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()

    def where(self) -> SplitResult:
        """Return where its gateway is, which is asked once."""
        if self._url is None:
            self._url = urlsplit(self.status()["url"])
        return self._url

    def connection(self) -> http.client.HTTPConnection:
        where = self.where()
        return http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)

    def call(
        self, token: str, syscall: str, /, **arguments: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Make a syscall over HTTP; return the status, the body and the headers."""
        return self.request(
            "POST", f"/api/v1/syscalls/{syscall}", json.dumps(arguments),
            {"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    def request(
        self, method: str, path: str, body: str | bytes = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            said = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, json.loads(said) if said else None, found
        finally:
            connection.close()


@pytest.fixture(scope="module")
def fort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fort]:
    made = Fort(tmp_path_factory.mktemp("fort") / "s")
    made.policy.write_text(POLICY)
    try:
        made.aos("start")
        made.when_ready()
        yield made
    finally:
        made.aos("stop", check=False)


#: Of the tests' own people.
POLICY = """
[roles.reader]
capabilities = ["memory.get", "memory.ls", "process.*", "ipc.*", "clock.*", "tool.*",
                "rights.audit", "!tool.call:shell"]
budget = { processes = 3 }
[principals.alice]
roles = ["reader"]
[principals.bob]
roles = ["reader"]
[agents]
limits = ["!tool.call:http_fetch{untainted}"]
"""
