"""The workers as the driver sees them; those here answer as each scene wants."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.drivers.perception import pool as module
from llmagentos.drivers.perception.pool import Pool
from llmagentos.drivers.perception.settings import Settings
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    QuotaExceeded,
    TooBig,
    TryAgain,
)
from llmagentos.syscalls.ipc import Letter
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Exit

FINE: dict[str, Any] = {"media": "text/plain"}


class Kernel:
    """Mailboxes and processes; a letter to a process goes to `on_letter`."""

    def __init__(self) -> None:
        self.ipc = SimpleNamespace(send=self._send, recv=self._recv)
        self.process = SimpleNamespace(spawn=self._spawn, wait=self._wait, signal=self._signal)
        self.box: asyncio.Queue[Letter] = asyncio.Queue()
        self.ended: dict[int, asyncio.Future[Exit]] = {}
        self.born: list[dict[str, Any]] = []
        self.refusal: LLMAgentOSError | None = None
        self.orders: list[tuple[int, dict[str, Any]]] = []
        self.on_letter: Callable[[int, dict[str, Any]], None] = self.answer

    @property
    def living(self) -> list[int]:
        return [pid for pid, end in self.ended.items() if not end.done()]

    def answer(self, pid: int, order: dict[str, Any], **more: Any) -> None:
        body = {"number": order["number"], "found": FINE | {"title": order["name"]}} | more
        self.box.put_nowait(Letter(sender=pid, topic=None, body=body))

    def end(self, pid: int, code: int) -> None:
        if not self.ended[pid].done():
            self.ended[pid].set_result(Exit(pid=pid, code=code, reason="has ended"))

    async def _spawn(self, program: str, **order: Any) -> int:
        if self.refusal is not None:
            raise self.refusal
        assert program == module.PROGRAM and order["capabilities"] == ["ipc.send", "ipc.recv"]
        self.born.append(order)
        pid = 100 + len(self.born)
        self.ended[pid] = asyncio.get_running_loop().create_future()
        return pid

    async def _send(self, to: int, body: dict[str, Any]) -> None:
        if self.ended[to].done():
            raise NotFound(f"process {to} has ended")
        self.orders.append((to, body))
        self.on_letter(to, body)

    async def _recv(self) -> Letter:
        return await self.box.get()

    async def _wait(self, pid: int) -> Exit:
        return await asyncio.shield(self.ended[pid])

    async def _signal(self, pid: int, signal: str) -> None:
        self.end(pid, 137)


class Scene:
    def __init__(self, kernel: Kernel, pool: Pool) -> None:
        self.kernel, self.pool = kernel, pool

    async def read(self, name: str = "it", caller: int = 1, principal: str = "ada") -> Any:
        return (await self.pool.read(caller, principal, {"name": name}))["title"]


def play(scene: Callable[[Scene], Awaitable[None]], **settings: Any) -> None:
    async def whole() -> None:
        kernel = Kernel()
        async with asyncio.TaskGroup() as tasks:
            pool = Pool(cast(OS, kernel), tasks, Settings(**settings))
            await scene(Scene(kernel, pool))
            pool.close()
            await settled()
            assert kernel.living == []

    asyncio.run(whole())


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_nothing_is_started_before_there_is_something_to_read() -> None:
    async def scene(it: Scene) -> None:
        await settled()
        assert it.kernel.born == [] and it.kernel.box.empty()

    play(scene)


def test_one_worker_reads_many_sources() -> None:
    async def scene(it: Scene) -> None:
        assert [await it.read(name) for name in "abc"] == ["a", "b", "c"]
        assert len(it.kernel.born) == 1

    play(scene)


def test_worker_is_replaced_after_many_sources_and_when_it_says_so() -> None:
    async def scene(it: Scene) -> None:
        for _ in range(module.SOURCES + 1):
            await it.read()
        assert len(it.kernel.born) == 2
        it.kernel.on_letter = lambda pid, order: it.kernel.answer(pid, order, spent=True)
        await it.read()
        await settled()
        assert it.kernel.living == []

    play(scene)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGSEGV, InvalidArgument),
        (signal.SIGABRT, InvalidArgument),
        (signal.SIGXCPU, DeadlineExceeded),
        (signal.SIGKILL, DeviceError),
    ],
)
def test_worker_that_breaks_down_fails_its_own_source_alone(
    number: signal.Signals, error: type[LLMAgentOSError]
) -> None:
    async def scene(it: Scene) -> None:
        def letter(pid: int, order: dict[str, Any]) -> None:
            if order["name"] == "bad":
                it.kernel.end(pid, 128 + number)
            else:
                it.kernel.answer(pid, order)

        it.kernel.on_letter = letter
        outcomes = await asyncio.gather(
            it.read("bad", 1), it.read("good", 2), it.read("bad", 1), it.read("good", 2),
            return_exceptions=True,
        )  # fmt: skip
        assert [type(one) for one in outcomes] == [error, str, error, str]

    play(scene)


def test_worker_of_a_caller_that_has_gone_is_killed() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: None
        reading = asyncio.create_task(it.read())
        await settled()
        reading.cancel()
        await settled()
        assert it.kernel.living == []
        it.kernel.on_letter = it.kernel.answer
        assert await it.read("next") == "next"

    play(scene)


def test_one_caller_never_takes_all_workers() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: (
            None if order["name"] == "slow" else it.kernel.answer(pid, order)
        )
        slow = [asyncio.create_task(it.read("slow", 1)) for _ in range(5)]
        await settled()
        assert len(it.kernel.orders) == 1
        assert await it.read("quick", 2) == "quick"
        for one in slow:
            one.cancel()

    play(scene, workers=2)


def test_sources_wait_for_a_worker() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: None
        readings = [asyncio.create_task(it.read(str(who), who)) for who in range(4)]
        await settled()
        assert len(it.kernel.orders) == 2 and len(it.kernel.born) == 2
        for pid, order in it.kernel.orders[:2]:
            it.kernel.answer(pid, order)
        await settled()
        assert len(it.kernel.orders) == 4 and len(it.kernel.born) == 2
        for pid, order in it.kernel.orders[2:]:
            it.kernel.answer(pid, order)
        assert await asyncio.gather(*readings) == ["0", "1", "2", "3"]

    play(scene)


def test_no_worker_reads_for_two_principals() -> None:
    async def scene(it: Scene) -> None:
        await it.read(principal="ada")
        await it.read(principal="bob")
        await it.read(principal="bob")
        await it.read(principal="ada")
        assert len(it.kernel.born) == len(it.kernel.living) == 2
        await it.read(principal="eve")
        await settled()
        assert len(it.kernel.born) == 3 and len(it.kernel.living) == 2

    play(scene, workers=2)


def test_letters_of_strangers_are_dropped() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: None
        reading = asyncio.create_task(it.read())
        await settled()
        ((pid, order),) = it.kernel.orders
        false = {"number": order["number"], "found": {"title": "false"}}
        it.kernel.box.put_nowait(Letter(sender=7, topic=None, body=false))
        it.kernel.box.put_nowait(Letter(sender=pid, topic=None, body=false | {"number": 9}))
        it.kernel.box.put_nowait(Letter(sender=pid, topic=None, body="nonsense"))
        it.kernel.answer(pid, order)
        assert await reading == "it"

    play(scene)


def test_each_worker_has_a_key_of_its_own() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: it.kernel.answer(pid, order, spent=True)
        await it.read()
        await it.read()
        keys = [order["key"] for _, order in it.kernel.orders]
        assert keys == [one["arguments"][0] for one in it.kernel.born] and len(set(keys)) == 2

    play(scene)


def test_error_of_the_reader_is_the_callers() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: it.kernel.box.put_nowait(
            Letter(sender=pid, topic=None, body={
                "number": order["number"], "error": ["E2BIG", "it: too big"],
            })
        )  # fmt: skip
        with pytest.raises(TooBig, match="too big"):
            await it.read()
        assert len(it.kernel.living) == 1

    play(scene)


def test_answer_that_is_none_is_a_device_error() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.on_letter = lambda pid, order: it.kernel.box.put_nowait(
            Letter(sender=pid, topic=None, body={"number": order["number"], "found": 3})
        )
        with pytest.raises(DeviceError):
            await it.read()

    play(scene)


def test_worker_that_cannot_start_is_the_callers_error_and_no_place_is_lost() -> None:
    async def scene(it: Scene) -> None:
        it.kernel.refusal = QuotaExceeded("no")
        for _ in range(5):
            with pytest.raises(QuotaExceeded):
                await it.read()
        it.kernel.refusal = None
        assert await it.read("a") == "a"

    play(scene)


def test_worker_that_has_ended_meanwhile_is_replaced() -> None:
    async def scene(it: Scene) -> None:
        await it.read()
        it.kernel.end(101, 0)
        await settled()
        assert await it.read("next") == "next" and len(it.kernel.born) == 2

    play(scene)


def test_full_mailbox_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    refusals = [TryAgain("full")] * 3

    async def scene(it: Scene) -> None:
        def letter(pid: int, order: dict[str, Any]) -> None:
            if refusals:
                raise refusals.pop()
            it.kernel.answer(pid, order)

        it.kernel.on_letter = letter
        assert await it.read("a") == "a"
        refusals.extend([TryAgain("full")] * 1000)
        with pytest.raises(TryAgain):
            await it.read()

    play(scene)


def test_worker_that_is_gone_when_its_order_comes_is_a_device_error() -> None:
    async def scene(it: Scene) -> None:
        def letter(pid: int, order: dict[str, Any]) -> None:
            raise NotFound("it has ended")

        it.kernel.on_letter = letter
        with pytest.raises(DeviceError):
            await it.read()

    play(scene)


def test_idle_worker_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.0)

    async def scene(it: Scene) -> None:
        await it.read()
        await it.kernel.ended[101]
        assert it.kernel.living == []

    play(scene)
