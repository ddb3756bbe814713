"""First come, first served.

Bounded waiting: a call is passed by none that came after it, so it waits for at most the calls
that stood before it.

Interface:
    Fifo            the policy
"""

from __future__ import annotations

from .contract import Waiting
from .heap import Heap


class Fifo:
    """Calls in the order of their coming, also those that were taken out and came back."""

    def __init__(self) -> None:
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
        return item.arrived, item.key

    def items(self) -> list[Waiting]:
        return list(self._heap)

    def __len__(self) -> int:
        return len(self._heap)
