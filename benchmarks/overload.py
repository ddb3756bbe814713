"""A daemon under ten times the load that it can bear, and after it.

A model that takes a fixed time for each call is reached by many agents over HTTP's stand-in, the
control socket, each of which asks at moments of its own, whether it has been answered or not. First
as often as the device can bear, then ten times as often for a minute, then as before. What is
refused must say when to come again; what is let in must be answered about as soon as usual, memory
must stay where it is, and everything be as before a few seconds later.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.errors import LLMAgentOSError
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .fuzz.house import House, resident
from .report import asked, report

#: Seconds that the model takes for a call, and how many callers there are.
DELAY, CALLERS = 1.0, 64
#: Seconds that a call may be expected to wait, as the daemon is told.
PATIENCE = 1.0
#: Seconds of each part.
USUAL, OVERLOAD, AFTER = 10.0, 60.0, 20.0


@dataclass
class Part:
    """What became of a part's calls."""

    #: When each that was answered began, and how long it took.
    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0
    hinted: int = 0
    other: list[str] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """Seconds of the middle call."""
        return statistics.median(took for _, took in self.answered)


async def ask(os_: OS, part: Part) -> None:
    """Make one call."""
    begun = time.monotonic()
    try:
        await os_.model.chat([{"role": "user", "content": str(DELAY)}], max_tokens=1)
        part.answered.append((begun, time.monotonic() - begun))
    except LLMAgentOSError as error:
        if error.code == "EAGAIN":
            part.refused += 1
            part.hinted += "retry_after" in error.details
        else:
            part.other.append(str(error))


async def load(callers: list[OS], rate: float, seconds: float, source: Random) -> Part:
    """Ask so often a second, by chance, whatever becomes of it."""
    part, begun = Part(), time.monotonic()
    due = begun
    async with asyncio.TaskGroup() as tasks:
        while (due := due + source.expovariate(rate)) < begun + seconds:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            tasks.create_task(ask(source.choice(callers), part))
    return part


async def bearable(callers: list[OS], seconds: float) -> float:
    """Return how many calls a second end while all callers always wait for one."""
    part, until = Part(), time.monotonic() + seconds

    async def again(os_: OS) -> None:
        while time.monotonic() < until:
            await ask(os_, part)

    await asyncio.gather(*(again(one) for one in callers for _ in range(4)))
    return len(part.answered) / seconds


async def measure(path: Path, state: Path) -> dict[str, float]:
    """Return all figures."""
    house, source = House(path), Random(7)
    async with AsyncExitStack() as stack:
        callers = []
        for _ in range(CALLERS):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(path))
            client = await connect(sock)
            stack.callback(client.close)
            callers.append(OS(client))
        sustained = await bearable(callers, USUAL)
        rate = 0.8 * sustained
        usual = await load(callers, rate, USUAL, source)
        known = await asyncio.to_thread(house.processes)
        before = {pid: resident(pid) for pid in known}
        over = await load(callers, 10 * sustained, OVERLOAD, source)
        ended = time.monotonic()
        grown = max(resident(pid) - size for pid, size in before.items())
        after = await load(callers, rate, AFTER, source)
    slow = [begun - ended for begun, took in after.answered if took > 1.5 * usual.p50]
    offered = len(over.answered) + over.refused + len(over.other)
    return {
        "sustainable_per_second": sustained,
        "offered_ratio": offered / OVERLOAD / sustained,
        "answered_per_second": len(over.answered) / OVERLOAD,
        "refused": over.refused,
        "refused_with_hint": over.hinted / max(over.refused, 1),
        "failed_otherwise": len(over.other),
        "latency_ratio": over.p50 / usual.p50,
        "latency_ratio_p95": _p95(over) / _p95(usual),
        "growth_mb": grown,
        "recovery_seconds": max(slow, default=0.0),
        "latency_ratio_after": after.p50 / usual.p50,
    }


def _p95(part: Part) -> float:
    return statistics.quantiles((took for _, took in part.answered), n=20)[-1]


def main() -> None:
    """Run the benchmark."""
    options = asked("overload", __doc__).parse_args()
    with socket.socket() as listening, tempfile.TemporaryDirectory() as folder:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        stub = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub", str(listening.fileno())],
            pass_fds=(listening.fileno(),),
        )
        url = f"openai:http://127.0.0.1:{listening.getsockname()[1]}/v1"
        settings = {
            "LLMAGENTOS_SCHEDULER__PATIENCE": str(PATIENCE),
            "LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL": f'"{url}"',
        }
        try:
            with daemon(Path(folder), **settings) as path:
                report(asyncio.run(measure(path, Path(folder))), options)
        finally:
            stub.terminate()
            stub.wait()


if __name__ == "__main__":
    main()
