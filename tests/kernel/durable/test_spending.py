"""What a tree has used is known to whoever of it lives, however often its kernel is killed."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmagentos.kernel.call import Call
from llmagentos.kernel.durable.recovery import recover
from llmagentos.kernel.durable.register import Register
from llmagentos.kernel.durable.state import Durable
from llmagentos.kernel.events import EventLog
from llmagentos.kernel.journal.recorder import JournalRecorder
from llmagentos.kernel.journal.writer import JournalWriter
from llmagentos.kernel.process import ControlBlock, ProcessTable, State
from llmagentos.kernel.spawn import Order
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.table import describe

from .stage import spawned


class Shop(Interface, name="shop"):
    """What costs something."""

    @syscall(idempotent=True)
    async def look(self) -> None:
        """Costs tokens."""


LOOK = describe(Shop)[0]


class Agents:
    """Stands for the agents: starts nothing."""

    def settle(self, *_: object) -> None: ...

    set_timer = forget_later = settle

    def log(self, pid: int) -> Path:
        return Path(f"/{pid}.log")


class Kernel:
    """A table over a journal of before."""

    def __init__(self, folder: Path, pids: itertools.count[int], lost: int = 0) -> None:
        """`lost`: which durable process cannot be started again."""
        found = recover(folder)
        self.journal = JournalWriter(folder, census=found.census)
        self.recorder = JournalRecorder(self.journal)
        self.table = ProcessTable(pids.__next__)
        register = Register(
            table=self.table,
            agents=Agents(),  # type: ignore[arg-type]
            recorder=self.recorder,
            events=EventLog(),
            purse=lambda principal: None,
        )
        self.recorder.above = register.above
        for former in found.processes:
            if former.story is None or former.end is not None or former.pid == lost:
                register.bury(former, "the kernel died")
            else:
                register.enter(former, former.story)

    def kill(self) -> None:
        self.recorder.flush()
        self.journal.close()

    def alive(self) -> list[ControlBlock]:
        return [one for one in self.table if one.state is not State.ZOMBIE]

    def used(self) -> dict[int, Any]:
        """Return what is known of those that live on, and are told of it again."""
        return {one.pid: one.budget.usage() for one in self.alive() if one.durable is not None}

    def spawn(self, parent: ControlBlock | None, durable: bool) -> None:
        process = self.table.create(principal="ada", program="/a.py", parent=parent)
        order = Order(program="/a.py", durable=durable)
        if durable:
            process.durable = Durable(spawned(order), "seed")
        self.recorder.started(process, order)

    def use(self, process: ControlBlock, tokens: float, unheard: bool, own: bool) -> None:
        process.seq += 1
        if process.durable is not None:
            process.durable.asked += 1
        origin = process if own else self.table.create(principal="ada", program="driver")
        call = Call(process.seq, LOOK, origin, process.seq, process, 0.0, 9.0, b"\x80", seq=0)
        call.used, call.unheard = {"tokens": tokens}, unheard
        process.budget.spend(call.used)
        self.recorder.ended(call, "ok", b"\xc0")
        if not own:
            self.end(origin)

    def end(self, process: ControlBlock) -> None:
        self.table.exit(process, 0, "finished")
        self.recorder.exited(process)

    def remove(self, process: ControlBlock) -> None:
        self.table.reap(process.pid)
        self.recorder.removed(process)


WHO = st.integers(0, 99)
STEP = st.one_of(
    st.tuples(st.just("spawn"), WHO, st.booleans()),
    st.tuples(st.just("use"), WHO, st.integers(1, 9), st.booleans(), st.booleans()),
    st.tuples(st.just("end"), WHO, st.booleans()),
    st.tuples(st.just("kill")),
)


def play(folder: Path, steps: list[Any]) -> None:
    pids = itertools.count(1)
    kernel = Kernel(folder, pids)
    kernel.spawn(None, True)
    for what, *more in [*steps, ("kill",)]:
        alive = kernel.alive()
        one = alive[more[0] % len(alive)] if more and alive else None
        if what == "kill":
            before = kernel.used()
            kernel.kill()
            kernel = Kernel(folder, pids)
            assert kernel.used() == before
        elif what == "spawn":
            kernel.spawn(one, more[1])
        elif one is None:
            continue
        elif what == "use":
            kernel.use(one, *more[1:])
        else:
            kernel.end(one)
            if more[1]:
                kernel.remove(one)
    kernel.kill()


@given(steps=st.lists(STEP, min_size=4, max_size=25))
@example(steps=[("spawn", 0, False), ("spawn", 1, True), ("use", 2, 5, False, True)])
@example(steps=[("spawn", 0, True), ("use", 1, 5, False, True), ("end", 1, True)])
@settings(max_examples=150, deadline=None)
def test_no_use_is_forgotten_or_counted_twice(steps: list[Any]) -> None:
    async def scene() -> None:
        with tempfile.TemporaryDirectory() as folder:
            play(Path(folder), steps)

    asyncio.run(scene())


def test_what_one_has_used_that_cannot_be_started_again_is_known_above_it(tmp_path: Path) -> None:
    async def scene() -> None:
        pids = itertools.count(1)
        kernel = Kernel(tmp_path, pids)
        kernel.spawn(None, True)
        (above,) = kernel.alive()
        kernel.spawn(above, True)
        kernel.use(kernel.alive()[1], 5.0, False, True)
        kernel.kill()
        kernel = Kernel(tmp_path, pids, lost=2)
        assert kernel.used() == {1: {"tokens": 5.0}}
        kernel.kill()
        kernel = Kernel(tmp_path, pids)
        assert kernel.used() == {1: {"tokens": 5.0}}
        kernel.kill()

    asyncio.run(scene())
