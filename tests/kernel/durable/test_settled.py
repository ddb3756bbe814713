"""What a call has used that its process gave up is known once its device has let go of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.durable.state import Durable
from llmagentos.kernel.journal.reader import read
from llmagentos.kernel.journal.recorder import JournalRecorder
from llmagentos.kernel.journal.writer import JournalWriter
from llmagentos.kernel.spawn import Order
from llmagentos.kernel.trap import Trap

from ..house import House
from .stage import spawned


async def until(done: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if done():
            return
        await asyncio.sleep(0)


def test_call_that_was_given_up_is_charged_to_the_record_once(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = JournalWriter(tmp_path)
        recorder = JournalRecorder(journal)
        trap = Trap(recorder=recorder)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, Bus(trap) as bus:
            house = House(bus=bus, trap=trap, tasks=tasks)
            await house.device(slots=1)
            process, agent = await house.process("*")
            process.durable = Durable(spawned(Order(program="/a.py", durable=True)), "seed")
            work = asyncio.ensure_future(agent.call("store.work"))
            await house.store.begun.get()
            house.store.costs.put_nowait({"tokens": 3.0})
            await until(lambda: bool(process.budget.usage()))
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await until(lambda: not trap.pending)
            assert process.durable.used == process.budget.usage() == {"tokens": 3.0}
            for client in house.clients:
                client.close()
                await client.lost.wait()
        recorder.close()
        journal.close()

    asyncio.run(scene())
    used = [one.notes["used"] for one in read(tmp_path) if "used" in one.notes]
    assert used == [{"tokens": 3.0}]
