"""What it saves that contexts share their pages, on the local device.

16 agents at once, each with the same 512 tokens, 16 of its own and 17 new ones: as agents of one
principal, who share, and as those of 16, who do not. One fork of a context of 512 tokens. Eight
candidate plans of 24 tokens behind 512: scored at once, and each as a prompt of its own. Times are
those of the processor, or with `--device cuda` of the wall; medians of rounds that alternate.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from random import Random

import torch
from transformers.utils import logging

from llmagentos.drivers.inference.contract import Meter, Owner, Request, Sampling
from llmagentos.drivers.inference.local.device import LocalDevice

from .clock import clock
from .device import letters, run
from .report import asked, report

AGENTS, SHARED, OWN, NEW = 16, 512, 16, 17
PLANS, PLAN = 8, 24
FORKS = 64


class Bench:
    """One device. Every round is of new principals, so that nothing is left of earlier ones."""

    def __init__(self, device: LocalDevice, now: Callable[[], float]) -> None:
        self._device = device
        self._now = now
        self._source = Random(1)
        self._numbers = itertools.count(1)

    def owners(self, together: bool) -> list[Owner]:
        """Return the agents, of one principal or each of one of its own."""
        name = f"principal {next(self._numbers)}"
        return [
            Owner(pid=pid, principal=name if together else f"{name}.{pid}")
            for pid in range(1, AGENTS + 1)
        ]

    async def agents(self, together: bool) -> tuple[float, float]:
        """Return the seconds that all agents take, and the most pages that they held."""
        # What the template adds around the text belongs to what is shared.
        shared = letters(self._source, SHARED - len("system: \nuser: "))
        peak = 0

        async def look() -> None:
            nonlocal peak
            while True:
                now = self._device.pages()
                peak = max(peak, now.total - now.free - now.cached)
                await asyncio.sleep(0.02)

        async def agent(owner: Owner) -> None:
            own = letters(self._source, OWN - len("\nassistant:"))
            messages = [{"role": "system", "content": shared}, {"role": "user", "content": own}]
            request = Request(messages=messages, owner=owner, sampling=Sampling(max_tokens=NEW))
            async for _ in self._device.chat(request):
                pass
            usage = request.meter.usage
            if (usage.input_tokens, usage.output_tokens) != (SHARED + OWN, NEW):
                raise SystemExit(f"an agent has used {usage}")

        start = self._now()
        looking = asyncio.create_task(look())
        await asyncio.gather(*map(agent, self.owners(together)))
        looking.cancel()
        seconds = self._now() - start
        for pid in range(1, AGENTS + 1):
            self._device.process(pid, "gone", None)
        return seconds, peak

    async def fork(self) -> float:
        """Return the microseconds that one fork takes."""
        [owner, *_] = self.owners(True)
        text = letters(self._source, SHARED)
        info = await self._device.open(owner, Meter(), text=text, messages=None, tools=[])
        before, start = self._device.pages().free, time.perf_counter()
        forks = await self._device.fork(owner, info.context, FORKS)
        seconds = time.perf_counter() - start
        if self._device.pages().free != before:
            raise SystemExit("a fork has taken pages")
        for one in (info, *forks):
            self._device.close_context(owner, one.context)
        return seconds / FORKS * 1e6

    async def score(self, together: bool) -> float:
        """Return the seconds that the plans take."""
        text = letters(self._source, SHARED)
        plans = [letters(self._source, PLAN) for _ in range(PLANS)]
        prompts = [plans] if together else [[one] for one in plans]
        owners = self.owners(False)
        start = self._now()
        for owner, some in zip(owners, prompts, strict=False):
            await self._device.score(owner, Meter(), some, context=None, messages=None, text=text)
        return self._now() - start


async def measure(device: LocalDevice, rounds: int, now: Callable[[], float]) -> dict[str, float]:
    """Return the medians and the ratios."""
    bench = Bench(device, now)
    sides: dict[str, Callable[[], Awaitable[float | tuple[float, float]]]] = {
        "shared": lambda: bench.agents(True),
        "apart": lambda: bench.agents(False),
        "fork": bench.fork,
        "scored at once": lambda: bench.score(True),
        "scored apart": lambda: bench.score(False),
    }
    await bench.fork()  # the first one of all finds cold memory
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, side in sides.items():
            found = await side()
            if isinstance(found, tuple):
                seen.setdefault(f"{name} pages", []).append(found[1])
                found = found[0]
            seen.setdefault(name, []).append(found)
    median = {name: statistics.median(figures) for name, figures in seen.items()}
    return {
        "cpu_saving": median["apart"] / median["shared"],
        "page_saving": median["apart pages"] / median["shared pages"],
        "fork_us": median["fork"],
        "score_saving": median["scored apart"] / median["scored at once"],
        "cpu_seconds_shared": median["shared"],
        "cpu_seconds_apart": median["apart"],
        "pages_shared": median["shared pages"],
        "pages_apart": median["apart pages"],
    }


def main() -> None:
    """Run the benchmark."""
    parser = asked("prefix", __doc__, rounds=3)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    now = clock(options.device)
    figures = asyncio.run(
        run(lambda one: measure(one, options.rounds, now), options.device, tokens=32_768)
    )
    report(figures, options)


if __name__ == "__main__":
    main()
