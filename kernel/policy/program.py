"""Least attained service of the whole agent first, inside `fair` between principals: the default.

After PLAS of Autellix (Luo et al., "Autellix: An Efficient Serving Engine for LLM Agents as General
Programs", 2025, section 4.2): a call is ranked by the service that its process has got so far, not
by its own length, so that a short agent is not stuck behind a long one's hundredth call. The
service is cut into levels that double in width; within a level calls are served in the order of
their coming, which keeps agents of like age from taking turns at every step. A call that runs sinks
as its process goes from level to level.

A call's rank is the time of its coming, `STRETCH` seconds later for each unit of service below its
process's level, and `STEP` seconds for each of nice. So waiting counts against what a process has
got (as in Autellix's guard against starvation), and the rank need not change while a call waits.

Bounded waiting, of `Program`: the delay for service is at most `LONGEST`, so a call of nice n is
passed only by calls that come less than LONGEST + (n + 20) · STEP seconds after it, and less than
STRETCH · (service of its process) + (n + 20) · STEP. `ProgramFair` has this among the calls of one
principal, and the bounds of `fair` between principals.

Interface:
    Program         the policy within one principal
    ProgramFair     that, inside `fair`
"""

from __future__ import annotations

from collections import OrderedDict

from .contract import Waiting
from .fair import Fair
from .heap import Heap

#: Service of the first level; each next one is twice as wide.
QUANTUM = 0.1
#: Seconds of waiting that outweigh one unit of service.
STRETCH = 10.0
#: Seconds that a process's service may put it behind, at most: a call lasts no longer either.
LONGEST = 86_400.0
#: Seconds that a step of nice is worth.
STEP = 10.0
#: Processes whose service is remembered.
REMEMBERED = 100_000


class Program:
    """The process that has got least first."""

    def __init__(
        self, quantum: float = QUANTUM, stretch: float = STRETCH, longest: float = LONGEST
    ) -> None:
        self._quantum = quantum
        self._stretch = stretch
        self._longest = longest
        self._heap: Heap[Waiting] = Heap()
        self._service: OrderedDict[int, float] = OrderedDict()

    def add(self, item: Waiting, now: float) -> None:
        # The level is that of the call's coming, as in PLAS.
        self._heap.push(item.key, self.rank(item, now), item)

    def remove(self, key: int) -> Waiting | None:
        return self._heap.remove(key)

    def pop(self, now: float) -> Waiting | None:
        return self._heap.pop()

    def charge(self, item: Waiting, service: float, now: float) -> None:
        self._service[item.pid] = self._service.pop(item.pid, 0.0) + service
        if len(self._service) > REMEMBERED:
            self._service.popitem(last=False)

    def end(self, item: Waiting, now: float) -> None:
        """What its process has got stays."""

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        return item.arrived + self.delay(item.pid) + STEP * item.nice, item.key

    def items(self) -> list[Waiting]:
        return list(self._heap)

    def __len__(self) -> int:
        return len(self._heap)

    def delay(self, pid: int) -> float:
        """Return the seconds that the service of a process puts its calls behind."""
        quanta = int(min(self._service.get(pid, 0.0) / self._quantum, 1e9))
        # Level n begins where 2^n - 1 quanta were got.
        below = (1 << (1 + quanta).bit_length() - 1) - 1
        return min(self._stretch * self._quantum * below, self._longest)


class ProgramFair(Fair):
    """Least attained service within a principal, fairness between principals."""

    def __init__(self) -> None:
        super().__init__(Program)
