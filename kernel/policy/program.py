"""Least attained service of the whole agent first, inside `fair` between principals: the default.

After PLAS of Autellix (Luo et al., "Autellix: An Efficient Serving Engine for LLM Agents as General
Programs", 2025, section 4.2): a call is ranked by the service that all earlier calls of its process
have got, not by its own length, so that a short agent is not stuck behind a long one's hundredth
call. The service is cut into levels that double in width; within a level calls are served in the
order of their coming, which keeps agents of like age from taking turns on every call. A process's
nice value weighs its service.

Bounded waiting, of `Program`: `AGEING` seconds of waiting are worth one level, as in `priority`, so
a call of level n is passed only by calls that come less than n · AGEING seconds after it, and n is
at most LEVELS - 1. `ProgramFair` has this among the calls of one principal, and the bounds of
`fair` between principals.

Interface:
    Program         the policy within one principal
    ProgramFair     that, inside `fair`
"""

from __future__ import annotations

import math
from collections import OrderedDict

from .contract import Waiting, weight
from .fair import Fair
from .heap import Heap

#: Service of the first level; each next one is twice as wide.
QUANTUM = 1.0
#: Levels there are at most.
LEVELS = 16
#: Seconds of waiting that are worth one level.
AGEING = 5.0
#: Processes whose service is remembered.
REMEMBERED = 100_000


class Program:
    """The process that has got least first."""

    def __init__(self, quantum: float = QUANTUM, ageing: float = AGEING) -> None:
        self._quantum = quantum
        self._ageing = ageing
        self._heap: Heap[Waiting] = Heap()
        self._service: OrderedDict[int, float] = OrderedDict()

    def add(self, item: Waiting, now: float) -> None:
        # The level is that of the call's coming, as in PLAS, and it ages as all others do: the
        # rank need not change while the call waits.
        self._heap.push(item.key, self.rank(item, now), item)

    def remove(self, key: int) -> Waiting | None:
        return self._heap.remove(key)

    def pop(self, now: float) -> Waiting | None:
        return self._heap.pop()

    def charge(self, item: Waiting, service: float, now: float) -> None:
        self._service[item.pid] = self._service.pop(item.pid, 0.0) + service
        if len(self._service) > REMEMBERED:
            self._service.popitem(last=False)

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        return self.level(item.pid, item.nice) + item.arrived / self._ageing, item.key

    def items(self) -> list[Waiting]:
        return list(self._heap)

    def __len__(self) -> int:
        return len(self._heap)

    def level(self, pid: int, nice: int = 0) -> int:
        """Return the level that a process's calls are put into."""
        attained = self._service.get(pid, 0.0) / weight(nice)
        return min(int(math.log2(1 + attained / self._quantum)), LEVELS - 1)


class ProgramFair(Fair):
    """Least attained service within a principal, fairness between principals."""

    def __init__(self) -> None:
        super().__init__(Program)
