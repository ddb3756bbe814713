"""What durability costs, and how soon durable processes are back after their kernel was killed.

The journal is that of a daemon, on the disk of the temporary folder. Rounds with and without it
alternate: a driver's syscall without an effect, which is written down and waits for no disk.
Effects are asked for by many at once; each goes out once its intent is on the disk, and is answered
once its outcome is. Last, a daemon with a thousand durable processes is killed, and time runs from
then until each of them has been told again all that it knew.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.journal.census import Census
from llmagentos.kernel.journal.recorder import JournalRecorder
from llmagentos.kernel.journal.writer import JournalWriter
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.recorder import Recorder
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.table import describe

from .boot import _socket
from .report import asked, report

#: Processes that are killed with their kernel, calls that each has made, and calls at once.
MANY, CALLS, DEPTH = 1000, 10, 512
PROGRAM = f"""
async def main(os):
    for _ in range({CALLS}):
        await os.clock.now()
    await os.ipc.send((await os.ipc.recv()).sender, "yes")
    await os.ipc.recv()
"""


class Shop(Interface, name="shop"):
    """The driver that is called."""

    @syscall(idempotent=True)
    async def look(self, text: str) -> str:
        """Return the text."""
        return text

    @syscall(effect=True)
    async def sell(self, text: str) -> str:
        """Have an effect."""
        return text


def enter(table: ProcessTable) -> ControlBlock:
    """Enter a process that may call everything."""
    everything = CapabilitySet.parse(["*"])
    return table.create(principal="bench", program="bench", capabilities=everything)


class Kernel:
    """A kernel with a driver and an agent on sockets of this very process."""

    def __init__(self, recorder: Recorder | None) -> None:
        self.trap, self.table = Trap(recorder=recorder), ProcessTable()

    async def __aenter__(self) -> Shop:
        self.tasks = await asyncio.TaskGroup().__aenter__()
        self.bus = await Bus(self.trap).__aenter__()
        driver = enter(self.table)
        served = Client()
        Server(self.tasks, Shop()).attach(served)
        await served.open(await self.bus.connect(driver))
        self.trap.provide(driver, describe(Shop))
        self.clients = [served, await connect(await self.bus.connect(enter(self.table)))]
        return self.clients[1].proxy(Shop)

    async def __aexit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
            await client.lost.wait()
        await self.bus.__aexit__(None, None, None)
        await self.tasks.__aexit__(None, None, None)


async def p50(shop: Shop, count: int) -> float:
    """Return the median of so many calls, one after the other, in µs."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await shop.look("x" * 200)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def rate(shop: Shop, count: int) -> float:
    """Return effects per second, with DEPTH of them at once."""

    async def worker() -> None:
        for _ in range(count // DEPTH):
            await shop.sell("x" * 200)

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(DEPTH)))
    return count / (time.perf_counter() - start)


async def cost(rounds: int, count: int) -> dict[str, float]:
    """Return what the journal costs."""
    bare, written, effects = [], [], []
    for turn in range(rounds + 1):
        async with Kernel(None) as shop:
            without = await p50(shop, count)
        with tempfile.TemporaryDirectory() as folder:
            journal = JournalWriter(Path(folder), census=Census())
            recorder = JournalRecorder(journal, sync="effects")
            async with Kernel(recorder) as shop:
                having = await p50(shop, count)
                sold = await rate(shop, 8 * DEPTH)
            recorder.close()
            journal.close()
        if turn > 0:  # The first round warms up.
            bare.append(without)
            written.append(having)
            effects.append(sold)
    return {
        "journal_ratio": statistics.median(written) / statistics.median(bare),
        "effects_per_second": statistics.median(effects),
        "with_us": statistics.median(written),
        "without_us": statistics.median(bare),
    }


def start(state: Path) -> subprocess.Popen[bytes]:
    """Start a daemon and wait until it accepts syscalls."""
    reads, writes = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "llmagentos.kernel.boot", "--state", str(state),
         "--port", "0", "--notify", str(writes)],
        pass_fds=(writes,),
        env=os.environ | {"LLMAGENTOS_DRIVERS__INFERENCE__ENABLED": "false"},
    )  # fmt: skip
    os.close(writes)
    with open(reads, "rb", buffering=0) as notified:
        if notified.read(16) != b"ready\n":
            raise SystemExit("the daemon did not start")
    return process


async def begin(state: Path, program: Path, many: int) -> None:
    """Start durable processes, and wait until each has made its calls."""
    client = await connect(_socket(state / "kernel.sock"))
    system = OS(client)
    slots = asyncio.Semaphore(32)

    async def spawn() -> int:
        async with slots:
            return await system.process.spawn(str(program), durable=True)

    pids = await asyncio.gather(*(spawn() for _ in range(many)))
    # Each answers what it was sent, and then it has made its calls.
    for pid in pids:
        await system.ipc.send(pid, "are you there?")
        await system.ipc.recv()
    client.close()


async def caught_up(state: Path, many: int) -> float:
    """Return when all were back and knew what they knew, by `time.perf_counter`."""
    client = await connect(_socket(state / "kernel.sock"))
    system = OS(client)
    back = 0
    async for event in system.system.events(tail=many + 1000):
        back += event.kind == "process.caught_up"
        if back == many:
            break
    when = time.perf_counter()
    found = await system.process.ls()
    assert len(found) == many and all(one.incarnation == 2 for one in found)
    assert not any(one.replaying for one in found)
    client.close()
    return when


def recovery(many: int) -> float:
    """Return the seconds from a kernel's death until its processes go on."""
    with tempfile.TemporaryDirectory() as folder:
        state, program = Path(folder) / "s", Path(folder) / "wait.py"
        program.write_text(PROGRAM)
        first = start(state)
        uvloop.run(begin(state, program, many))
        begun = time.perf_counter()
        first.kill()
        first.wait()
        second = start(state)
        took = uvloop.run(caught_up(state, many)) - begun
        second.send_signal(signal.SIGTERM)
        second.wait(timeout=60)
    return took


def main() -> None:
    """Run the benchmark."""
    parser = asked("recovery", __doc__, rounds=3)
    parser.add_argument("--count", type=int, default=3000, help="calls of one measurement")
    parser.add_argument("--many", type=int, default=MANY, help="durable processes")
    options = parser.parse_args()
    figures = {"seconds_1000": recovery(options.many) if options.many else 0.0}
    figures |= uvloop.run(cost(options.rounds, options.count))
    report(figures, options)


if __name__ == "__main__":
    main()
