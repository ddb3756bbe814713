"""What it costs to suspend and resume a context, beside reading it again; and who fits in the end.

A context of 512 tokens on the local device: its pages move to host memory and back, and a text of
as many tokens is read. Seconds of the processor, or with `--device cuda` of the wall; medians of
rounds that alternate. Then 200 agents
with a context each, which all speak twice, in a fourth of the pages that they need.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from random import Random

import torch
from transformers.utils import logging

from llmagentos.drivers.inference.contract import Meter, Owner, Sampling
from llmagentos.drivers.inference.local.device import LocalDevice

from .clock import clock
from .device import letters, run
from .report import asked, report

TOKENS = 512
AGENTS, TURNS, PIECE, NEW = 200, 2, 15, 5
#: A page holds 16 tokens, so the agents' contexts take three pages each in the end.
POOL = AGENTS * 3 * 16 // 4


class Bench:
    """One device. Each context is of a new principal, so that nothing is left of earlier ones."""

    def __init__(self, device: LocalDevice, where: str) -> None:
        self._device = device
        self._now = clock(where)
        #: The engine's own steps are taken on this thread.
        self._mine = time.thread_time if where == "cpu" else self._now
        self._source = Random(1)
        self._numbers = itertools.count(1)

    async def open(self) -> tuple[Owner, int]:
        """Read a context of its own."""
        owner = Owner(pid=1, principal=f"principal {next(self._numbers)}")
        text = letters(self._source, TOKENS)
        info = await self._device.open(owner, Meter(), text=text, messages=None, tools=[])
        return owner, info.context

    async def recompute(self) -> float:
        """Return the seconds that reading takes."""
        start = self._now()
        owner, context = await self.open()
        seconds = self._now() - start
        self._device.close_context(owner, context)
        return seconds

    async def swap(self) -> tuple[float, float]:
        """Return the seconds that moving out and back in takes: the engine's own steps, on its own
        data, without the model's step that would follow."""
        owner, handle = await self.open()
        engine = self._device._engine
        context = self._device._contexts.get(owner, handle)
        with engine._monitor:
            virtual = engine._virtual
            start = self._mine()
            virtual.swap(context)
            out = self._mine()
            if virtual.pager.missing(context.table) != len(context.table.held):
                raise SystemExit("not all pages were swapped")
            if not virtual.enter(context, lambda other: False):
                raise SystemExit("there was no room to resume")
            end = self._mine()
            virtual.leave(context)
        self._device.close_context(owner, handle)
        return out - start, end - out


async def measure(device: LocalDevice, rounds: int, where: str) -> dict[str, float]:
    """Return the medians and the ratio."""
    bench = Bench(device, where)
    await bench.swap()  # the first one of all finds cold memory
    read, out, back = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        read.append(await bench.recompute())
        first, second = await bench.swap()
        out.append(first)
        back.append(second)
    ms = {
        "recompute_ms": statistics.median(read) * 1e3,
        "suspend_ms": statistics.median(out) * 1e3,
        "resume_ms": statistics.median(back) * 1e3,
    }
    return {"resume_saving": ms["recompute_ms"] / (ms["suspend_ms"] + ms["resume_ms"]), **ms}


async def crowd(device: LocalDevice, where: str) -> dict[str, float]:
    """Return how many agents came to their end in too small a pool, and how long it took."""
    now = clock(where)
    source, start = Random(2), now()

    async def agent(pid: int) -> int:
        owner = Owner(pid=pid, principal="crowd", rank=(float(pid % 3),))
        info = await device.open(owner, Meter(), text=None, messages=None, tools=[])
        for _ in range(TURNS):
            text = letters(source, PIECE)
            await device.append(owner, Meter(), info.context, text=text, messages=None)
            sampling = Sampling(max_tokens=NEW)
            async for _ in device.generate(owner, Meter(), info.context, sampling):
                pass
        [info] = device.contexts(owner)
        return int(info.tokens == TURNS * (PIECE + NEW))

    finished = sum(await asyncio.gather(*map(agent, range(1, AGENTS + 1))))
    needed = AGENTS * -(-TURNS * (PIECE + NEW) // 16)
    return {
        "agents_finished": finished,
        "pages_needed_over_pool": needed / device.pages().total,
        "crowd_cpu_seconds" if where == "cpu" else "crowd_seconds": now() - start,
    }


def main() -> None:
    """Run the benchmark."""
    parser = asked("swap", __doc__, rounds=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    where = options.device
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    figures = asyncio.run(run(lambda one: measure(one, options.rounds, where), where, tokens=4096))
    figures |= asyncio.run(run(lambda one: crowd(one, where), where, tokens=POOL))
    report(figures, options)


if __name__ == "__main__":
    main()
