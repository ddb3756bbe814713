"""The kernel's line to one zygote: orders go out, reports and exits come in.

Interface:
    Line            `start`, `order`, `close`
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...syscalls.errors import DeviceError, InvalidArgument
from .channel import pair, receive, send
from .contract import OnExit
from .group import signal_group

#: Seconds until a zygote that does not come up, or does not end, is given up.
PATIENCE, GRACE = 20.0, 5.0
#: By how much of a thousandth of the machine's memory an agent counts as larger than it is, when
#: memory has run out and something has to end.
OFFERED = 500
#: Orders that a zygote has not answered, at most; further ones wait here, where they can be taken
#: back.
OUTSTANDING = 32


class Line:
    """One zygote, from its start to its death; another one is another line."""

    def __init__(self, on_exit: OnExit) -> None:
        self._on_exit = on_exit
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._slots = asyncio.Semaphore(OUTSTANDING)
        self._ready: asyncio.Future[None] | None = None
        self._born: dict[int, int] = {}  # the kernel's number to the machine's
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._forsaken: set[int] = set()  # ordered, and then nobody wanted it any more
        self._lacking: dict[int, dict[str, Any]] = {}  # reports of those that end before they begin

    @property
    def alive(self) -> bool:
        """Whether its zygote takes orders."""
        return self._control is not None

    async def start(
        self,
        netns: str,
        seccomp: str,
        environment: Mapping[str, str],
        writable: Sequence[str] | None = None,
        lifeline: int | None = None,
        entries: Sequence[str] = (),
        expendable: bool = False,
    ) -> None:
        """Start a zygote that gives up what is wanted, and wait until it takes orders.

        Its children write to the folders `writable`, None for all, and to no others. It holds the
        `lifeline` until all its children have ended, and has loaded the interfaces of `entries`.
        Where memory runs out, what is `expendable` ends before others.
        Raises `DeviceError` where it does not come up; then nothing is left of it.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        ours.setblocking(False)
        module = f"{__package__}.zygote_main"
        held = () if lifeline is None else (lifeline,)
        with theirs:
            kept = "-" if lifeline is None else str(lifeline)
            folders = "-" if writable is None else "\n".join(writable)
            arguments = [str(theirs.fileno()), netns, seccomp, folders, kept, *entries]
            try:
                self._process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                    [sys.executable, "-P", "-m", module, *arguments],
                    pass_fds=(theirs.fileno(), *held),
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:  # There are too many processes, say.
                ours.close()
                raise DeviceError(f"the zygote cannot be started: {error.strerror}") from error
        if expendable:
            _offer(self._process.pid)
        self._control, self._ready = ours, loop.create_future()
        loop.add_reader(ours, self._on_message)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ready
        except BaseException as error:
            self._process.kill()
            await self.close()
            if isinstance(error, TimeoutError):
                raise DeviceError("the zygote does not come up") from None
            raise

    async def order(self, order: list[Any], descriptor: int) -> dict[str, Any]:
        """Let the zygote start a process, and return its report, or its exit where that came first.

        One that lacks a layer has ended by then, as has one that gives no report: nobody hears of
        its end besides. A process whose order is taken back is killed as soon as it is born.
        """
        pid = order[0]
        async with self._slots:
            await self._send(order, descriptor)
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._awaited[pid] = answer
            try:
                return await answer
            except asyncio.CancelledError:
                self._forsake(pid)
                raise
            finally:
                del self._awaited[pid]

    async def close(self) -> None:
        """Hang up, at which the zygote kills whatever it has started, and wait for its end."""
        self._hang_up("the launcher is closed")
        if self._process is not None:
            process, self._process = self._process, None
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(GRACE):
                    await loop.run_in_executor(None, process.wait)
            except TimeoutError:
                process.kill()

    async def _send(self, order: list[Any], descriptor: int) -> None:
        while True:
            if self._control is None:
                raise DeviceError("the zygote has died")
            try:
                send(self._control, order, descriptor, number=order[0])
                return
            except BlockingIOError:
                await asyncio.sleep(0.001)  # It is busy forking; there is no event for this.
            except ConnectionError:
                raise DeviceError("the zygote has died") from None
            except (OSError, ValueError, TypeError, OverflowError) as error:
                raise InvalidArgument(f"the process cannot be ordered: {error}") from None

    def _on_message(self) -> None:
        while self._control is not None:
            try:
                received = receive(self._control)
            except BlockingIOError:
                return
            if received is None:
                self._die()
                return
            self._take(received[0])

    def _take(self, message: dict[str, Any]) -> None:
        kind, pid = message["kind"], message.get("pid", 0)
        if kind == "ready":
            _settle(self._ready, lambda ready: ready.set_result(None))
        elif kind == "report" and message["missing"]:
            # Until it has ended its number may not be ordered again.
            self._lacking[pid] = message
        elif kind == "report":
            self._born[pid] = message["os_pid"]
            if pid in self._forsaken:
                self._forsake(pid)
            self._answer(pid, message)
        elif kind == "exit" and pid in self._born:
            self._end(pid, message["code"], message["signal"])
        elif kind == "exit":
            self._forsaken.discard(pid)
            self._answer(pid, self._lacking.pop(pid, message))

    def _answer(self, pid: int, message: dict[str, Any]) -> None:
        _settle(self._awaited.get(pid), lambda awaited: awaited.set_result(message))

    def _forsake(self, pid: int) -> None:
        if pid in self._born:
            self._forsaken.discard(pid)
            signal_group(self._born[pid], signal.SIGKILL)
        else:
            self._forsaken.add(pid)

    def _end(self, pid: int, code: int, number: int) -> None:
        del self._born[pid]
        # The launch is answered first: its waiter wakes in the next turn of the loop.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._on_exit, pid, code, number)

    def _die(self) -> None:
        """The zygote is gone, and with it every child."""
        self._hang_up("the zygote has died")
        for pid, os_pid in list(self._born.items()):
            signal_group(os_pid, signal.SIGKILL)
            self._end(pid, 0, signal.SIGKILL)
        if self._process is not None:
            self._process.poll()

    def _hang_up(self, why: str) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for waiting in (self._ready, *self._awaited.values()):
            _settle(waiting, lambda one: one.set_exception(DeviceError(why)))


def _offer(process: int) -> None:
    """Let the machine end a process, and what it will start, before the daemon and its drivers,
    which have taken little of the memory that has run out."""
    path = Path(f"/proc/{process}/oom_score_adj")
    with suppress(OSError):  # It has ended already, which the line tells.
        path.write_text(str(min(int(path.read_text()) + OFFERED, 1000)))


def _settle(future: asyncio.Future[Any] | None, how: Callable[[asyncio.Future[Any]], None]) -> None:
    if future is not None and not future.done():
        how(future)
