"""A real daemon, spoken to over its control socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS


class Daemon:
    """A daemon in a folder of its own, without an inference driver."""

    def __init__(self, state: Path, **variables: str) -> None:
        self.state = state
        reads, writes = os.pipe()
        environment = os.environ | {
            "LLMAGENTOS_DRIVERS__INFERENCE__ENABLED": "false",
            "LLMAGENTOS_SERVICES__GATEWAY__ENABLED": "false",
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llmagentos.kernel.boot", "--state", str(state),
             "--notify", str(writes)],
            pass_fds=(writes,),
            env=environment,
        )  # fmt: skip
        os.close(writes)
        with open(reads, "rb", buffering=0) as notified:
            assert notified.read(16) == b"ready\n"

    def socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(self.state / "kernel.sock"))
        return sock

    @asynccontextmanager
    async def session(self) -> AsyncIterator[OS]:
        client = await connect(self.socket())
        try:
            yield OS(client)
        finally:
            client.close()

    def run(self, work: Callable[[OS], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            async with asyncio.timeout(60), self.session() as os:
                return await work(os)

        return asyncio.run(whole())

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("aos") / "s")
    yield made
    made.close()


def write(folder: Path, name: str, text: str) -> str:
    """Write a program and return its path."""
    path = folder / name
    path.write_text(text)
    return str(path)
