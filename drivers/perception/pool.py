"""The workers: started when there is something to read, kept warm, replaced when one breaks.

Each is a child process of the driver's in the agents' sandbox. It reads one source at a time, and
sources of one principal only; of several workers one caller's sources never take all. A worker
whose source is not read in time, or whose caller has gone, is killed: nothing else ends it for
certain.

Interface:
    Pool            `read` hands a source to a worker; `close` ends all
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any

from ...syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    TryAgain,
    from_wire,
)
from ...syscalls.os import OS
from ...syscalls.process import Exit
from .settings import Settings

PROGRAM = "llmagentos.drivers.perception.worker:main"
NAME = "perception.worker"
#: Sources after which a worker is replaced, and seconds after which one without work is ended.
SOURCES, IDLE = 200, 300.0
#: Seconds in which the letter of a worker that has ended well arrives.
_LATE = 5.0
#: Seconds between two tries to put a letter into a mailbox that is full, and how many.
_PAUSE, _TRIES = 0.05, 100
#: What ends a process by the fault of what it reads.
_FAULTS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


class _Worker:
    """One worker, as the driver knows it. The pool alone writes it."""

    def __init__(self, pid: int, key: str, principal: str, ended: asyncio.Task[Exit]) -> None:
        self.pid = pid
        self.key = key
        self.principal = principal
        self.ended = ended
        self.sources = 0
        self.answer: asyncio.Future[dict[str, Any]] | None = None
        self.timer: asyncio.TimerHandle | None = None


class Pool:
    """All workers of one driver; its tasks run in the given group."""

    def __init__(self, os: OS, tasks: asyncio.TaskGroup, settings: Settings) -> None:
        self._os, self._tasks, self._settings = os, tasks, settings
        self._workers: dict[int, _Worker] = {}
        self._idle: list[_Worker] = []
        self._busy: Counter[int] = Counter()
        self._turn = asyncio.Condition()
        self._letters: asyncio.Task[None] | None = None
        self._closed = False

    async def read(self, caller: int, principal: str, order: dict[str, Any]) -> dict[str, Any]:
        """Return what a worker finds in a source; `order` as `worker.work` takes it.

        Raises what it raises, and `DeviceError` where it breaks down. Taken back, it ends its
        worker.
        """
        async with self._slot(caller):
            worker = await self._worker(principal)
            try:
                answer = await self._ask(worker, order)
            except BaseException:
                self._end(worker)
                raise
            if answer.get("spent") or worker.sources >= SOURCES or self._closed:
                self._end(worker)
            else:
                worker.timer = asyncio.get_running_loop().call_later(IDLE, self._end, worker)
                self._idle.append(worker)
        match answer:
            case {"error": [str(code), str(message)]}:
                raise from_wire(code, message, {})
            case {"found": dict(found)}:
                return found
        raise DeviceError("the reader gives no answer that can be read")

    def close(self) -> None:
        """End all workers."""
        self._closed = True
        for worker in list(self._workers.values()):
            self._end(worker)
        if self._letters is not None:
            self._letters.cancel()

    @asynccontextmanager
    async def _slot(self, caller: int) -> AsyncIterator[None]:
        """Wait for a worker's being free, and for the caller's turn."""
        most = self._settings.workers
        async with self._turn:
            await self._turn.wait_for(
                lambda: self._busy.total() < most and self._busy[caller] < max(most - 1, 1)
            )
            self._busy[caller] += 1
        try:
            yield
        finally:
            self._busy[caller] -= 1
            if not self._busy[caller]:
                del self._busy[caller]
            # Not awaited under the lock: whoever is cancelled must still give its place back.
            self._tasks.create_task(self._next())

    async def _next(self) -> None:
        async with self._turn:
            self._turn.notify_all()

    async def _worker(self, principal: str) -> _Worker:
        """Return a worker that is free and has read nobody else's sources."""
        for worker in reversed(self._idle):
            if worker.principal == principal and not worker.ended.done():
                self._idle.remove(worker)
                break
        else:
            if self._idle and len(self._workers) >= self._settings.workers:
                self._end(self._idle[0])
            worker = await self._start(principal)
        if worker.timer is not None:
            worker.timer.cancel()
        return worker

    async def _start(self, principal: str) -> _Worker:
        if self._letters is None:
            self._letters = self._tasks.create_task(self._receive())
        key = token_hex(16)
        pid = await self._os.process.spawn(
            PROGRAM,
            name=NAME,
            arguments=[key, str(self._settings.memory)],
            capabilities=["ipc.send", "ipc.recv"],
            # Each thread of a library would take address space that the source may need.
            environment={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            remove=True,
        )
        worker = _Worker(pid, key, principal, self._tasks.create_task(self._wait(pid)))
        self._workers[pid] = worker
        worker.ended.add_done_callback(lambda _: self._forget(worker))
        return worker

    async def _ask(self, worker: _Worker, order: dict[str, Any]) -> dict[str, Any]:
        worker.sources += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        worker.answer = answer
        letter = {**order, "key": worker.key, "number": worker.sources}
        await self._send(worker.pid, letter)
        await asyncio.wait((answer, worker.ended), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            ended = worker.ended.result()
            if ended.code:
                raise _broken(order["name"], ended)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LATE):
                    return await answer
            raise DeviceError("the reader has ended")
        return answer.result()

    async def _send(self, pid: int, letter: dict[str, Any]) -> None:
        for _ in range(_TRIES):
            try:
                await self._os.ipc.send(pid, letter)
                return
            except TryAgain:  # Strangers may fill its mailbox; it empties it all the time.
                await asyncio.sleep(_PAUSE)
            except NotFound:
                raise DeviceError("the reader has ended") from None
        raise TryAgain("the reader has too many letters", retry_after=1)

    async def _receive(self) -> None:
        """Hand the workers' letters on; whatever else comes is dropped."""
        while True:
            try:
                letter = await self._os.ipc.recv()
            except DeadlineExceeded:
                continue
            except LLMAgentOSError:  # The kernel has gone, and with it all workers.
                return
            worker, body = self._workers.get(letter.sender), letter.body
            if worker is None or worker.answer is None or worker.answer.done():
                continue
            if isinstance(body, dict) and body.get("number") == worker.sources:
                worker.answer.set_result(body)

    async def _wait(self, pid: int) -> Exit:
        while True:
            try:
                return await self._os.process.wait(pid)
            except DeadlineExceeded:
                continue
            except LLMAgentOSError as error:
                return Exit(pid=pid, code=1, reason=error.message)

    def _end(self, worker: _Worker) -> None:
        """Kill a worker, whatever it does."""
        if worker.timer is not None:
            worker.timer.cancel()
        if worker in self._idle:
            self._idle.remove(worker)
        if not worker.ended.done():
            self._tasks.create_task(self._kill(worker.pid))

    async def _kill(self, pid: int) -> None:
        with suppress(LLMAgentOSError):  # It has ended by itself.
            await self._os.process.signal(pid, "KILL")

    def _forget(self, worker: _Worker) -> None:
        self._workers.pop(worker.pid, None)
        if worker in self._idle:
            self._idle.remove(worker)


def _broken(name: str, ended: Exit) -> LLMAgentOSError:
    """Return the error for a source whose worker has ended over it."""
    number = ended.code - 128
    if number == signal.SIGXCPU:
        return DeadlineExceeded(f"{name}: reading it takes too long")
    if number in {int(one) for one in _FAULTS}:
        return InvalidArgument(f"{name}: its reader broke down over it ({ended.reason})")
    return DeviceError(f"{name}: its reader {ended.reason}")
