"""Programs in networks of their own, and the one way out of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel.launcher.contract import Launched
from llmagentos.kernel.sandbox.layers import Sandbox
from llmagentos.services.gateway.endpoint import Endpoint

from .yard import SEALED, Scene, Yard, settle, status_of

Play = Callable[[Scene], None]

#: Asks what the environment names and prints what is answered.
ASK = """
import os, urllib.request
def ask():
    try:
        return urllib.request.urlopen(os.environ["OPENAI_BASE_URL"], timeout=15).read().decode()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""


class Gateway:
    """Answers every request with how many there were."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "endpoint.sock"
        self.count = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._endpoint = Endpoint(
            self.path, lambda sock, _: self._tasks.append(asyncio.create_task(self._answer(sock)))
        )

    async def _answer(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_recv(sock, 4096)
            self.count += 1
            text = f"answer {self.count}"
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n"
            await loop.sock_sendall(sock, (head + text).encode())

    def close(self) -> None:
        self._endpoint.close()


async def run(yard: Yard, pid: int, text: str, sandbox: Sandbox = SEALED, **more: Any) -> Launched:
    launched = await yard.launch(
        pid,
        *(sys.executable, "-c", ASK + text),
        sandbox=sandbox,
        endpoint=yard.folder / "endpoint.sock",
        **more,
    )
    if launched.report["netns"] == "unavailable":
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no network namespaces here")
    return launched


def relays(session: int) -> list[int]:
    """Return the processes of a session besides its leader."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != session:
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def test_program_reaches_the_gateway_and_nothing_else(play: Play) -> None:
    acts = """
import json, socket
found = {}
for name, act in {
    "daemon": lambda: socket.create_connection(("127.0.0.1", PORT), 2),
    "world": lambda: socket.create_connection(("192.0.2.1", 80), 2),
    "local": lambda: socket.socket(socket.AF_UNIX),
    "links": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "pair": lambda: [one.close() for one in socket.socketpair()],
    "children": os.wait,
}.items():
    try: act(); found[name] = "done"
    except OSError as error: found[name] = type(error).__name__
print(json.dumps([ask(), ask(), found]))
"""

    async def scene(yard: Yard) -> None:
        gateway = Gateway(yard.folder)
        with socket.create_server(("127.0.0.1", 0)) as outside:
            launched = await run(yard, 1, acts.replace("PORT", str(outside.getsockname()[1])))
            await yard.ended(1)
        gateway.close()
        first, second, found = json.loads(yard.said(1))
        assert (first, second) == ("answer 1", "answer 2")
        assert found == {
            "daemon": "ConnectionRefusedError", "world": "OSError", "local": "PermissionError",
            "links": "PermissionError", "pair": "done", "children": "ChildProcessError",
        }  # fmt: skip
        # Nobody has delegated a control group to the tests.
        report = {layer: held for layer, held in launched.report.items() if layer != "cgroup"}
        assert set(report.values()) == {"enforced"} and launched.report["cgroup"] == "unavailable"

    play(scene)


def test_programs_have_networks_of_their_own(play: Play) -> None:
    async def scene(yard: Yard) -> None:
        gateway = Gateway(yard.folder)
        show = "print(os.stat('/proc/self/ns/net').st_ino, ask())"
        for pid in (1, 2):
            await run(yard, pid, show)
        await yard.ended(2)
        gateway.close()
        (one, *_), (other, *_) = yard.said(1).split(), yard.said(2).split()
        assert one != other and gateway.count == 2

    play(scene)


def test_variables_that_are_given_win(play: Play) -> None:
    async def scene(yard: Yard) -> None:
        given = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
        show = "print(os.environ['OPENAI_BASE_URL'], os.environ['LLMAGENTOS_URL'])"
        await run(yard, 1, show, environment=given)
        await yard.ended(1)
        assert yard.said(1).split() == ["http://127.0.0.1:1/v1", "http://127.0.0.1:8765"]

    play(scene)


def test_gateway_that_is_away_for_a_moment_is_waited_for(play: Play) -> None:
    steps = "for _ in range(3): os.write(3, b'asks'); os.write(3, ask().encode()); os.read(3, 1)\n"

    async def scene(yard: Yard) -> None:
        loop = asyncio.get_running_loop()
        await run(yard, 1, steps)
        program = yard.sockets[1]
        for _ in range(3):
            assert await loop.sock_recv(program, 4) == b"asks"
            gateway = Gateway(yard.folder)
            assert await loop.sock_recv(program, 1000) == b"answer 1"
            gateway.close()
            await loop.sock_sendall(program, b"x")
        await yard.ended(1)

    play(scene)


@pytest.mark.slow
def test_gateway_that_stays_away_is_unavailable_until_it_is_back(play: Play) -> None:
    steps = "for _ in range(3): os.write(3, ask().encode()); os.read(3, 1)\n"

    async def scene(yard: Yard) -> None:
        loop = asyncio.get_running_loop()
        await run(yard, 1, steps)
        program = yard.sockets[1]
        assert b"503" in await loop.sock_recv(program, 1000)
        await loop.sock_sendall(program, b"x")  # The second time it is not waited for.
        assert b"503" in await loop.sock_recv(program, 1000)
        gateway = Gateway(yard.folder)
        await loop.sock_sendall(program, b"x")
        assert await loop.sock_recv(program, 1000) == b"answer 1"
        gateway.close()
        await loop.sock_sendall(program, b"x")
        await yard.ended(1)

    play(scene)


def test_relay_is_suspended_with_its_program_outlasts_a_request_to_end_and_ends_with_it(
    play: Play,
) -> None:
    text = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: (print(ask(), flush=True), exit(5)))
os.write(3, b"ready")
while True: time.sleep(60)
"""

    async def scene(yard: Yard) -> None:
        gateway = Gateway(yard.folder)
        launched = await run(yard, 1, text)
        await asyncio.get_running_loop().sock_recv(yard.sockets[1], 1000)
        (relay,) = relays(launched.os_pid)
        yard.launcher.signal(launched.os_pid, signal.SIGSTOP)
        while status_of(relay)[0] != "T":
            await settle(1)
        yard.launcher.signal(launched.os_pid, signal.SIGCONT)
        yard.launcher.signal(launched.os_pid, signal.SIGTERM)
        assert await yard.ended(1) == {1: (5, 0)}
        assert yard.said(1) == "answer 1\n"
        while relays(launched.os_pid):
            await settle(1)
        gateway.close()

    play(scene)


def test_without_layers_the_gateway_is_reached_all_the_same(play: Play) -> None:
    async def scene(yard: Yard) -> None:
        gateway = Gateway(yard.folder)
        launched = await run(yard, 1, "print(ask())", sandbox=Sandbox.none())
        await yard.ended(1)
        gateway.close()
        assert yard.said(1) == "answer 1\n"
        assert {launched.report[one] for one in ("netns", "seccomp", "privileges")} == {"off"}

    play(scene)


def test_layers_are_what_was_asked_for(play: Play) -> None:
    async def scene(yard: Yard) -> None:
        gateway = Gateway(yard.folder)
        launched = await run(yard, 1, "print(ask())", sandbox=replace(SEALED, seccomp="off"))
        await yard.ended(1)
        gateway.close()
        assert yard.said(1) == "answer 1\n"
        report = launched.report
        assert (report["netns"], report["seccomp"]) == ("enforced", "off")

    play(scene)
