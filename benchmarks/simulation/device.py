"""A model of a device that serves a batch: what a step costs, and what its memory holds.

A step reads the weights once and gives each running call one token, or reads a piece of its
prompt: it lasts STEP seconds and what each call's share of a step computes. Calls are let in while
their contexts fit into memory together; contexts of agents that wait lie in host memory, and come
back while others compute. The figures are those of a model of 8 billion parameters on one
accelerator of 80 GB: 16 GB of weights read at 1.3 TB/s, 128 KB of keys and values for a token.

Between two events all calls advance alike, so the model is exact, and an event costs O(log n).

Interface:
    BatchDevice     `fits`, `start`, `next`, `advance`, `end`
    capacity        the calls a second that a full device serves
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from .trace import Call

#: Seconds of a step, of each token that is written in it, and of each that is read.
STEP, WRITTEN, READ = 0.012, 0.000_1, 0.000_05
#: Tokens of a prompt that one step reads at most.
PIECE = 512
#: Tokens of all running contexts together, and calls that run at once.
MEMORY, SLOTS = 500_000, 256


@dataclass(frozen=True, slots=True)
class _Running:
    context: int
    #: Seconds of all its steps that are its own, and of each.
    own: float
    per_step: float
    #: What had fallen to each running call of the steps' common part when it began.
    shared: float


class BatchDevice:
    """Runs calls in steps, in virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        #: Seconds in which at least one call ran.
        self.busy = 0.0
        self._steps = 0.0  # so far
        self._shared = 0.0  # seconds of their common part that fell to each running call
        self._per_step = 0.0  # seconds that running calls add to a step
        self._memory = 0
        self._running: dict[int, _Running] = {}
        self._ends: list[tuple[float, int]] = []  # step and key

    def __len__(self) -> int:
        return len(self._running)

    def fits(self, call: Call) -> bool:
        """Whether there is room for another call; an empty device takes any."""
        return not self._running or (
            self._memory + call.context <= MEMORY and len(self._running) < SLOTS
        )

    def start(self, key: int, call: Call) -> None:
        """Let a call run from now on."""
        steps, own = _cost(call)
        self._running[key] = _Running(call.context, own, own / steps, self._shared)
        self._per_step += own / steps
        self._memory += call.context
        heapq.heappush(self._ends, (self._steps + steps, key))

    def next(self) -> float | None:
        """Return when the next call ends if none comes before; None where none runs."""
        if not self._ends:
            return None
        return self.now + (self._ends[0][0] - self._steps) * (STEP + self._per_step)

    def advance(self, now: float) -> None:
        """Let time pass, at most until `next`."""
        if self._running:
            steps = (now - self.now) / (STEP + self._per_step)
            self._steps += steps
            self._shared += steps * STEP / len(self._running)
            self.busy += now - self.now
        self.now = now

    def end(self) -> tuple[int, float]:
        """Take out the call that ends now; return its key and the seconds it had of the device."""
        self._steps, key = heapq.heappop(self._ends)
        one = self._running.pop(key)
        self._memory -= one.context
        self._per_step = self._per_step - one.per_step if self._running else 0.0
        return key, one.own + self._shared - one.shared


def _cost(call: Call) -> tuple[int, float]:
    """Return a call's steps, and the seconds that it adds to all of them together."""
    return call.written - -call.fresh // PIECE, call.written * WRITTEN + call.fresh * READ


def capacity(calls: Iterable[Call]) -> float:
    """Return how many calls like these a device serves in a second when its memory is full."""
    count = steps = held = 0
    own = 0.0
    for call in calls:
        its_steps, its_own = _cost(call)
        count, steps, own = count + 1, steps + its_steps, own + its_own
        held += its_steps * call.context
    # Of the contexts that run at a moment, each is found as often as it has steps.
    at_once = min(MEMORY / (held / steps), SLOTS)
    return at_once / (STEP + at_once * own / steps) / (steps / count)
