"""The kernel's end of the zygote: orders go out, reports and exits come in.

Interface:
    ZygoteLauncher  the default launcher
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from ...syscalls.errors import DeviceError, InvalidArgument, SandboxError
from .channel import LIMIT, receive, send
from .contract import Launch, Launched, OnExit

#: Seconds until a zygote that does not come up is given up.
PATIENCE = 20.0


class ZygoteLauncher:
    """Starts processes by forking them from one that has loaded everything."""

    def __init__(self) -> None:
        self.on_exit: OnExit = lambda pid, code, number: None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[None] | None = None
        self._born: dict[int, int] = {}  # the kernel's number to the machine's
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def start(self) -> None:
        """Start the zygote and wait until it takes orders."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        for end in (ours, theirs):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, LIMIT)
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                [sys.executable, "-P", "-m", f"{__package__}.zygote_main", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control, self._ready = ours, loop.create_future()
        loop.add_reader(ours, self._on_message)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ready
        except TimeoutError:
            raise DeviceError("the zygote does not come up") from None

    async def launch(self, launch: Launch, sock: socket.socket) -> Launched:
        if self._control is None:
            await self.start()
        order = {
            "pid": launch.pid,
            "entry": launch.entry,
            "argv": None if launch.argv is None else list(launch.argv),
            "arguments": dict(launch.arguments),
            "home": str(launch.home),
            "log": str(launch.log),
            "readable": [str(one) for one in launch.readable],
            "environment": dict(launch.environment),
            "sandbox": launch.sandbox.wire(),
            "title": f"aos-{launch.pid}",
        }
        answer = self._awaited[launch.pid] = asyncio.get_running_loop().create_future()
        try:
            await self._send(order, sock.fileno())
            message = await answer
        finally:
            self._awaited.pop(launch.pid, None)
        if message.get("missing"):
            lacking = ", ".join(message["missing"])
            raise SandboxError(f"not enforced here, but required: {lacking}", **message["report"])
        if message["kind"] != "report":
            raise DeviceError("the process ended before it began; its log says why")
        return Launched(os_pid=message["os_pid"], report=message["report"])

    def signal(self, os_pid: int, number: signal.Signals) -> None:
        try:
            os.kill(os_pid, number)
        except ProcessLookupError:
            return

    async def close(self) -> None:
        self._hang_up()
        if self._process is not None:
            process, self._process = self._process, None
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(5):
                    await loop.run_in_executor(None, process.wait)
            except TimeoutError:
                process.kill()

    async def _send(self, order: dict[str, Any], descriptor: int) -> None:
        while True:
            if self._control is None:
                raise DeviceError("the zygote has died")
            try:
                send(self._control, order, descriptor)
                return
            except BlockingIOError:
                await asyncio.sleep(0.001)  # It is busy forking; there is no event for this.
            except (OSError, ValueError) as error:
                raise InvalidArgument(f"the process cannot be ordered: {error}") from None

    def _on_message(self) -> None:
        while self._control is not None:
            try:
                received = receive(self._control)
            except BlockingIOError:
                return
            except OSError:
                received = None
            if received is None:
                self._die()
                return
            self._take(received[0])

    def _take(self, message: dict[str, Any]) -> None:
        kind, pid = message["kind"], message.get("pid", 0)
        if kind == "ready" and self._ready is not None and not self._ready.done():
            self._ready.set_result(None)
        elif kind == "report":
            self._born[pid] = message["os_pid"]
            self._answer(pid, message)
        elif kind == "exit":
            self._answer(pid, message)
            self._born.pop(pid, None)
            # The launch is answered first: its waiter wakes in the next turn of the loop.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self.on_exit, pid, message["code"], message["signal"])

    def _answer(self, pid: int, message: dict[str, Any]) -> None:
        awaited = self._awaited.get(pid)
        if awaited is not None and not awaited.done():
            awaited.set_result(message)

    def _die(self) -> None:
        """The zygote is gone, and with it every child: the next launch starts another."""
        self._hang_up()
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(DeviceError("the zygote has died"))
        born, self._born = self._born, {}
        for pid, os_pid in born.items():
            self.signal(os_pid, signal.SIGKILL)
            self.on_exit(pid, 0, signal.SIGKILL)
        if self._process is not None:
            self._process.poll()

    def _hang_up(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
