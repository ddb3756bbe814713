"""What it costs to bring an agent to its first syscall, and to keep it asleep.

This process is the kernel. The same program is run as an agent, forked from the zygote under all
four layers of the sandbox, and as a plain subprocess that imports the SDK and speaks over an
inherited socket; rounds of both alternate. Time runs from before the process has a connection to
the arrival of its second syscall, which it makes once it has the answer to the first, `clock.now`.
Memory is what no other process shares, as the machine's kernel counts it.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.launcher.contract import Launch, Launched, Sandbox
from llmagentos.kernel.launcher.zygote import ZygoteLauncher
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.clock import Clock

from .report import asked, report

#: What both run. `clock.now` is the first syscall; the second one says that it was answered.
PROGRAM = """
import asyncio

async def main(os):
    await os.clock.now()
    await os.clock.monotonic()
    await asyncio.Event().wait()
"""
#: The same entry that the zygote's children are given, reached the ordinary way.
PLAIN = """
import socket, sys
from llmagentos.syscalls.program import run
run({"program": sys.argv[1]}, socket.socket(fileno=int(sys.argv[2])))
"""
#: Agents that come up at the same time when many are wanted.
WIDTH = 16


@dataclass(slots=True)
class Kernel:
    """As much of a kernel as an agent needs for its first syscalls."""

    bus: Bus
    table: ProcessTable
    launcher: ZygoteLauncher
    folder: Path
    #: Set when a process has had its answer.
    answered: dict[int, asyncio.Event] = field(default_factory=dict)

    def enter(self) -> ControlBlock:
        """Enter a process that may ask for the time."""
        rights = CapabilitySet.parse(["clock.*"])
        process = self.table.create(principal="bench", program="bench", capabilities=rights)
        self.answered[process.pid] = asyncio.Event()
        return process

    async def agent(self) -> tuple[float, Launched]:
        """Start an agent; return the ms to its first answer."""
        begun = time.perf_counter()
        process = self.enter()
        home = self.folder / str(process.pid)
        home.mkdir()
        sock = await self.bus.connect(process)
        order = Launch(
            pid=process.pid,
            entry="llmagentos.syscalls.program:run",
            arguments={"program": str(self.folder / "program.py")},
            home=home,
            log=self.folder / f"{process.pid}.log",
            sandbox=Sandbox(),
            readable=(self.folder / "program.py",),
        )
        with sock:
            launched = await self.launcher.launch(order, sock)
        await self.answered[process.pid].wait()
        return (time.perf_counter() - begun) * 1e3, launched

    async def plain(self) -> tuple[float, Process]:
        """Start a plain subprocess; return the ms to its first answer."""
        begun = time.perf_counter()
        process = self.enter()
        sock = await self.bus.connect(process)
        command = (sys.executable, "-c", PLAIN, str(self.folder / "program.py"))
        with sock:
            started = await asyncio.create_subprocess_exec(
                *command, str(sock.fileno()), pass_fds=(sock.fileno(),), stdin=DEVNULL
            )
        await self.answered[process.pid].wait()
        return (time.perf_counter() - begun) * 1e3, started


def private_mb(os_pid: int) -> float:
    """Return the memory that a process shares with nobody, in MB."""
    lines = Path(f"/proc/{os_pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


async def crowd(kernel: Kernel, size: int) -> list[Launched]:
    """Start many agents, WIDTH at a time, and return them all asleep."""
    alive: list[Launched] = []

    async def worker() -> None:
        while len(alive) + starting[0] < size:
            starting[0] += 1
            launched = (await kernel.agent())[1]
            starting[0] -= 1
            alive.append(launched)

    starting = [0]
    async with asyncio.TaskGroup() as tasks:
        for _ in range(WIDTH):
            tasks.create_task(worker())
    return alive


async def measure(
    rounds: int, size: int, folder: Path
) -> tuple[dict[str, float], Mapping[str, str]]:
    """Return the medians, the ratio between them, and what the sandbox reported."""
    trap, table = Trap(), ProcessTable()
    (folder / "program.py").write_text(PROGRAM)
    launcher = ZygoteLauncher()
    async with Bus(trap) as bus:
        kernel = Kernel(bus, table, launcher, folder)

        def monotonic(process: ControlBlock) -> float:
            kernel.answered[process.pid].set()
            return time.monotonic()

        trap.answer(Clock, now=lambda process: time.time(), monotonic=monotonic)
        await launcher.start()
        try:
            agents, plains = [], []
            for turn in range(rounds + 1):
                took, launched = await kernel.agent()
                slow, process = await kernel.plain()
                process.kill()
                await process.wait()
                if turn > 0:  # The first round warms up.
                    agents.append(took)
                    plains.append(slow)
            begun = time.perf_counter()
            alive = await crowd(kernel, size)
            seconds = time.perf_counter() - begun
            memory = [private_mb(one.os_pid) for one in alive]
        finally:
            await launcher.close()
    agent, plain = statistics.median(agents), statistics.median(plains)
    return {
        "speedup": plain / agent,
        "private_mb": statistics.mean(memory),
        "agent_ms": agent,
        "plain_ms": plain,
        "per_second": size / seconds,
        "alive": len(alive),
    }, launched.report


def main() -> None:
    """Run the benchmark."""
    parser = asked("spawn", __doc__, rounds=20)
    parser.add_argument("--alive", type=int, default=1000, help="agents asleep at once")
    options = parser.parse_args()
    # Every agent is a connection of this process.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="aos-spawn-") as folder:
        figures, layers = uvloop.run(measure(options.rounds, options.alive, Path(folder)))
    for layer, state in layers.items():
        print(f"{layer:<12} {state:>10}")
    report(figures, options)


if __name__ == "__main__":
    main()
