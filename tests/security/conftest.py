"""A real daemon, and places outside of every sandbox that an escape would reach."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.os import OS

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
        yield {
            "outside": str(outside),
            "other": str(other),
            "pid": daemon.process.pid,
            "port": tcp.getsockname()[1],
            "socket": str(outside / "socket"),
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
