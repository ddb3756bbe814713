"""What a syscall costs beside the bare message passing that it cannot do without.

This process is the kernel and, on other sockets, the bare relay; an agent, a driver, a bare client
and a bare echo are processes of their own. Rounds of ours and of the reference alternate. The
processes that `growth` adds are entries with a connection each and no program behind it.

The kernel and the relay, which are one process, keep to one CPU, and all processes around them to
another: where the machine places them otherwise is chance, and costs more than all that is measured
(a hop within a CPU takes 20 µs, one between two sleeping CPUs 75 µs).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.clock import Clock
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.table import describe

from .report import asked, report
from .star import BareClient, attach, relay

PAYLOAD = "x" * 200
DEPTH = 64
#: CPUs that may be used.
ALLOWED = frozenset(os.sched_getaffinity(0))


class Echo(Interface, name="echo"):
    """The driver that is called."""

    @syscall(idempotent=True)
    async def echo(self, text: str) -> str:
        """Return the text."""
        return text


Call = Callable[[], Awaitable[Any]]


async def p50(call: Call, count: int) -> float:
    """Return the median of `count` calls made one after the other, in µs."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def rate(call: Call, count: int) -> float:
    """Return calls per second with DEPTH of them in flight."""

    async def worker() -> None:
        for _ in range(count // DEPTH):
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(DEPTH)))
    return count / (time.perf_counter() - start)


async def obey(calls: dict[str, Call]) -> None:
    """Measure what each line of standard input asks for: a measure, a call and a count."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        measure, name, count = line.split()
        figure = await (p50 if measure == "p50" else rate)(calls[name], int(count))
        print(figure, flush=True)


async def play(role: str, sock: socket.socket) -> None:
    """Be one of the processes around the kernel."""
    if role == "agent":
        client = await connect(sock)
        echo, clock = client.proxy(Echo), client.proxy(Clock)
        await obey({"driver": lambda: echo.echo(PAYLOAD), "kernel": clock.now})
    elif role == "client":
        bare = BareClient(await attach(sock))
        body = {"text": PAYLOAD}
        await obey({"two": lambda: bare.call("two", body), "one": lambda: bare.call("one", body)})
    elif role == "driver":
        client = Client()
        async with asyncio.TaskGroup() as tasks:
            Server(tasks, Echo()).attach(client)
            await client.open(sock)
            await client.lost.wait()
    else:
        protocol = await attach(sock)
        protocol.on_frame = protocol.send
        await asyncio.Event().wait()


async def start(role: str, sock: socket.socket) -> Process:
    """Start one of those processes on its end of a socketpair."""
    around = str(sorted(ALLOWED)[-1])
    fd = str(sock.fileno())
    arguments = ("-m", "benchmarks.syscall", "--role", role, "--fd", fd, "--cpu", around)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        pass_fds=(sock.fileno(),),
    )
    sock.close()
    return process


async def ask(process: Process, order: str) -> float:
    """Let an agent or a bare client measure something."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{order}\n".encode())
    return float(await process.stdout.readline())


def enter(table: ProcessTable) -> ControlBlock:
    """Enter a process that may call everything."""
    everything = CapabilitySet.parse(["*"])
    return table.create(principal="bench", program="bench", capabilities=everything)


async def measure(rounds: int, count: int) -> dict[str, float]:
    """Return the medians over all rounds and the ratios between ours and the reference."""
    trap, table = Trap(), ProcessTable()
    seen: dict[str, list[float]] = {}
    async with Bus(trap) as bus:
        trap.answer(
            Clock, now=lambda process: time.time(), monotonic=lambda process: time.monotonic()
        )
        driver = enter(table)
        processes = [await start("driver", await bus.connect(driver))]
        trap.provide(driver, describe(Echo))
        processes.append(agent := await start("agent", await bus.connect(enter(table))))
        (near, client), (far, echo) = socket.socketpair(), socket.socketpair()
        await relay(near, far)
        processes.append(await start("echo", echo))
        processes.append(bare := await start("client", client))
        pairs = [(agent, "driver"), (bare, "two"), (agent, "kernel"), (bare, "one")]
        for turn in range(rounds + 1):
            for process, name in pairs:
                figure = await ask(process, f"p50 {name} {count}")
                if turn > 0:  # The first round warms up.
                    seen.setdefault(name, []).append(figure)
            seen.setdefault("rate", []).append(await ask(agent, f"rate driver {count * 8}"))
        crowd: list[socket.socket] = []
        for size in [10, 1000] * rounds:
            while len(table) > size:
                crowd.pop().close()
                last = max(table, key=lambda one: one.pid)
                table.exit(last, 0, "closed")
                table.reap(last.pid)
            while len(table) < size:
                crowd.append(await bus.connect(enter(table)))
            seen.setdefault(f"p50_{size}", []).append(await ask(agent, f"p50 driver {count}"))
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))
    median = {name: statistics.median(figures) for name, figures in seen.items()}
    return {
        "driver_ratio": median["driver"] / median["two"],
        "kernel_ratio": median["kernel"] / median["one"],
        "per_second": median["rate"],
        "growth": median["p50_1000"] / median["p50_10"],
        "driver_us": median["driver"],
        "bare_two_hop_us": median["two"],
        "kernel_us": median["kernel"],
        "bare_one_hop_us": median["one"],
    }


def main() -> None:
    """Run the benchmark, or one of its processes."""
    parser = asked("syscall", __doc__, rounds=5)
    parser.add_argument("--count", type=int, default=2000, help="calls of one measurement")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cpu", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role is not None:
        os.sched_setaffinity(0, {options.cpu})
        uvloop.run(play(options.role, socket.socket(fileno=options.fd)))
        return
    os.sched_setaffinity(0, {min(ALLOWED)})
    figures = uvloop.run(measure(options.rounds, options.count))
    report(figures, options)


if __name__ == "__main__":
    main()
