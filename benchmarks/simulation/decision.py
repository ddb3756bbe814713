"""What a decision of the run queue costs while many calls wait.

Interface:
    cost            µs for each call that comes, is let in, charged and finished
"""

from __future__ import annotations

import random
import time

from llmagentos.kernel.policy.contract import Waiting
from llmagentos.kernel.policy.registry import find
from llmagentos.kernel.runqueue import RunQueue

#: Decisions of one measurement, and measurements, of which the fastest counts: the others were
#: disturbed.
DECISIONS, MEASUREMENTS = 3000, 8
#: Processes and principals that the calls belong to.
PROCESSES, PRINCIPALS = 10_000, 16


class Crowd:
    """A run queue of one slot in which a number of calls always wait."""

    def __init__(self, policy: str, waiting: int) -> None:
        self._rng = random.Random(0)
        self._queue = RunQueue(find(policy)(), name=policy, slots=1, capacity=waiting + 1)
        self._keys = 0
        self._now = 0.0
        for _ in range(waiting):
            self._come()

    def _come(self) -> None:
        self._keys += 1
        self._now += 0.01
        pid = self._rng.randrange(PROCESSES)
        item = Waiting(
            key=self._keys, pid=pid, principal=f"user{pid % PRINCIPALS}", arrived=self._now
        )
        self._queue.submit(item)

    def decide(self, count: int) -> float:
        """Return the µs of CPU that each of so many decisions takes."""
        services = [{"device_seconds": self._rng.random()} for _ in range(count)]
        start = time.process_time()
        for service in services:
            self._come()
            (key,) = self._queue.admit(self._now)
            self._queue.finish(key, service, self._now)
        return (time.process_time() - start) / count * 1e6


def cost(policy: str, *sizes: int) -> list[float]:
    """Return the µs of a decision for each number of waiting calls, measured alternately."""
    crowds = [Crowd(policy, size) for size in sizes]
    seen = [[crowd.decide(DECISIONS) for crowd in crowds] for _ in range(MEASUREMENTS)]
    return [min(figures) for figures in zip(*seen, strict=True)]
