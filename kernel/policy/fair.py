"""Fair between principals: the virtual token counter (VTC; Sheng et al., "Fairness in Serving
Large Language Models", OSDI 2024, algorithm 2), with weights.

Each principal has a counter of the service it got. The principal with the lowest counter comes
next. One that comes back from idleness is lifted to the lowest counter of those that wait, so that
it cannot save up a right to starve the others.

Bound (theorem 4.4 there): while two principals of equal weight both wait, the service they get
differs by at most twice the largest service of the calls that are counted at once. Here a call is
counted when it ends and one estimate of it when it is popped, so that calls in flight count.

Bounded waiting: with c the largest cost, a principal's call at place k of its own queue is popped
after at most about k · P calls, P being the number of principals that wait.

Interface:
    Fair            the policy; within a principal, another policy decides
"""

from __future__ import annotations

from collections.abc import Callable

from .contract import Policy, Waiting
from .fifo import Fifo
from .heap import Heap


class Fair:
    """The principal with the least service first."""

    def __init__(
        self,
        inner: Callable[[], Policy] = Fifo,
        weights: Callable[[str], float] = lambda principal: 1.0,
        estimate: float = 1.0,
    ) -> None:
        self._inner = inner
        self._weights = weights
        #: Service that a call is counted with until its end.
        self._estimate = estimate
        self._queues: dict[str, Policy] = {}
        self._counters: dict[str, float] = {}
        self._numbers: dict[str, int] = {}
        self._waiting: Heap[str] = Heap()
        self._principals: dict[int, str] = {}  # by key of a waiting call
        self._last = 0.0  # counter of the principal that was served last

    def add(self, item: Waiting, now: float) -> None:
        principal = item.principal
        queue = self._queues.setdefault(principal, self._inner())
        if not len(queue):
            lowest = self._waiting.peek()
            floor = self._last if lowest is None else lowest[0]
            self._counters[principal] = max(self._counters.get(principal, 0.0), floor)
            self._rank(principal)
        queue.add(item, now)
        self._principals[item.key] = principal

    def remove(self, key: int) -> Waiting | None:
        principal = self._principals.pop(key, None)
        if principal is None:
            return None
        queue = self._queues[principal]
        item = queue.remove(key)
        if not len(queue):
            self._waiting.remove(self._numbers[principal])
        return item

    def pop(self, now: float) -> Waiting | None:
        lowest = self._waiting.peek()
        if lowest is None:
            return None
        self._last, principal = lowest
        queue = self._queues[principal]
        item = queue.pop(now)
        if item is None:  # unreachable: a principal stands in the heap while it has calls
            return None
        del self._principals[item.key]
        self._count(principal, self._estimate)
        if not len(queue):
            self._waiting.remove(self._numbers[principal])
        return item

    def charge(self, item: Waiting, service: float, now: float) -> None:
        self._count(item.principal, service - self._estimate)
        if (queue := self._queues.get(item.principal)) is not None:
            queue.charge(item, service, now)

    def items(self) -> list[Waiting]:
        return [item for queue in self._queues.values() for item in queue.items()]

    def __len__(self) -> int:
        return len(self._principals)

    def counter(self, principal: str) -> float:
        """Return the weighted service that a principal is counted with."""
        return self._counters.get(principal, 0.0)

    def _count(self, principal: str, service: float) -> None:
        self._counters[principal] = self._counters.get(principal, 0.0) + service / self._weights(
            principal
        )
        if (queue := self._queues.get(principal)) is not None and len(queue):
            self._rank(principal)

    def _rank(self, principal: str) -> None:
        number = self._numbers.setdefault(principal, len(self._numbers))
        self._waiting.push(number, self._counters[principal], principal)
