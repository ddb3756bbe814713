"""A clock that jumps and a launcher that starts nothing, for tests of what waits and restarts."""

from __future__ import annotations

import asyncio
import selectors
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from llmagentos.kernel.launcher.contract import Launch, Launched, OnExit

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
#: What the fake launcher adds to a pid to get the machine's number.
OFFSET = 1000


class _Selector(selectors.DefaultSelector):
    """Jumps to the next timer in place of waiting for it."""

    loop: JumpingLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout and self.loop.aside:
            return super().select()  # A thread that has done its work wakes the loop.
        found = super().select(0 if timeout is not None else None)
        if not found and timeout is not None:
            self.loop.now += timeout
        return found


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while nothing else is left to do, also by threads."""

    def __init__(self) -> None:
        self.now = 0.0
        #: Works that threads have not done yet.
        self.aside = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self.aside += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: asyncio.Future[Any]) -> None:
        self.aside -= 1


def play(scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a scene on jumping time; one that hangs is ended after a week of it."""

    async def bounded() -> T:
        async with asyncio.timeout(7 * 86_400):
            return await scene()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(bounded())


async def settle(turns: int = 20) -> None:
    """Let whatever can go on without time passing go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


class FakeLauncher:
    """Starts nothing; the test says what becomes of each launch. Nobody dies of a signal."""

    def __init__(self) -> None:
        self.on_exit: OnExit = lambda pid, code, number: None
        self.launches: list[Launch] = []
        #: When each was launched, in the loop's time.
        self.times: list[float] = []
        #: Raised by the next launches, the first by the first; None lets one succeed.
        self.failures: list[BaseException | None] = []
        #: Pid and signal, in the order in which they were sent.
        self.signals: list[tuple[int, signal.Signals]] = []
        #: Called with each signal that is sent.
        self.on_signal: Callable[[int, signal.Signals], None] = lambda pid, number: None
        #: Called with each launch that succeeds, before it is answered.
        self.on_launch: Callable[[Launch], Awaitable[None]] | None = None
        #: The processes' own ends of their connections.
        self.ends: dict[int, socket.socket] = {}

    async def start(self) -> None:
        return None

    async def launch(self, launch: Launch, sock: socket.socket) -> Launched:
        self.launches.append(launch)
        self.times.append(asyncio.get_running_loop().time())
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.ends[launch.pid] = sock.dup()
        if self.on_launch is not None:
            await self.on_launch(launch)
        return Launched(os_pid=OFFSET + launch.pid, report={"rlimits": "enforced"})

    def signal(self, os_pid: int, number: signal.Signals) -> None:
        self.signals.append((os_pid - OFFSET, number))
        self.on_signal(os_pid - OFFSET, number)

    def end(self, pid: int, code: int = 0, number: int = 0) -> None:
        """Let a process end."""
        self.ends.pop(pid).close()
        self.on_exit(pid, code, number)

    async def close(self) -> None:
        for sock in self.ends.values():
            sock.close()
        self.ends.clear()
