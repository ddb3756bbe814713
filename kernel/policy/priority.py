"""By nice value, with ageing.

A call's rank is its nice value plus the time of its coming in units of `AGEING` seconds, so that
every `AGEING` seconds of waiting are worth one step of nice. The rank never changes while it
waits, which is what makes a heap enough.

Bounded waiting: a call of nice n is passed only by calls that came less than (n + 20) · AGEING
seconds after it, for any stream of calls of nice -20: a call of nice m passes it only where
m + arrived' / AGEING is below n + arrived / AGEING.

Interface:
    Priority        the policy
"""

from __future__ import annotations

from .contract import Waiting
from .heap import Heap

#: Seconds of waiting that are worth one step of nice.
AGEING = 1.0


class Priority:
    """The lowest nice value first, but nobody waits for ever."""

    def __init__(self, ageing: float = AGEING) -> None:
        self._ageing = ageing
        self._heap: Heap[Waiting] = Heap()

    def add(self, item: Waiting, now: float) -> None:
        self._heap.push(item.key, self.rank(item, now), item)

    def remove(self, key: int) -> Waiting | None:
        return self._heap.remove(key)

    def pop(self, now: float) -> Waiting | None:
        return self._heap.pop()

    def charge(self, item: Waiting, service: float, now: float) -> None:
        """What a call has used does not count here."""

    def end(self, item: Waiting, now: float) -> None:
        """Nothing is kept of a call that was popped."""

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        return item.nice + item.arrived / self._ageing, item.key

    def items(self) -> list[Waiting]:
        return list(self._heap)

    def __len__(self) -> int:
        return len(self._heap)
