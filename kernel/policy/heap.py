"""A heap whose entries can be taken out of its middle.

Interface:
    Heap            entries by a sortable rank; `push`, `remove`, `pop`, `peek`
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Heap(Generic[T]):
    """Entries by rank, the lowest first; equal ranks in the order of their coming.

    A removed or replaced entry stays in the list until it comes to the top, or until such entries
    are the majority: each operation takes amortised O(log n).
    """

    def __init__(self) -> None:
        # Rank, number and key in one flat tuple each: a comparison is most of what a push costs.
        self._heap: list[tuple[Any, ...]] = []
        self._live: dict[Hashable, tuple[int, T]] = {}  # key to (number, entry)
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def __iter__(self) -> Iterator[T]:
        return (entry for _, entry in self._live.values())

    def push(self, key: Hashable, rank: tuple[float, ...], entry: T) -> None:
        """Put an entry in; one that stands under the key is replaced. All ranks of a heap are of
        one length."""
        number = next(self._numbers)
        self._live[key] = (number, entry)
        heapq.heappush(self._heap, (*rank, number, key))
        self._compact()

    def remove(self, key: Hashable) -> T | None:
        """Take an entry out; None where there is none."""
        found = self._live.pop(key, None)
        if found is None:
            return None
        self._compact()
        return found[1]

    def pop(self) -> T | None:
        """Take the lowest entry out; None where there is none."""
        self._settle()
        if not self._heap:
            return None
        return self._live.pop(heapq.heappop(self._heap)[-1])[1]

    def peek(self) -> tuple[tuple[float, ...], T] | None:
        """Return the lowest rank and its entry."""
        self._settle()
        if not self._heap:
            return None
        lowest = self._heap[0]
        return lowest[:-2], self._live[lowest[-1]][1]

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._live) + 16:
            self._heap = [one for one in self._heap if self._stands(one)]
            heapq.heapify(self._heap)

    def _settle(self) -> None:
        while self._heap and not self._stands(self._heap[0]):
            heapq.heappop(self._heap)

    def _stands(self, one: tuple[Any, ...]) -> bool:
        live = self._live.get(one[-1])
        return live is not None and live[0] == one[-2]
