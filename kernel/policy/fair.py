"""Fair between principals: the virtual token counter (VTC; Sheng et al., "Fairness in Serving
Large Language Models", OSDI 2024, algorithm 2), with weights.

Each principal has a counter of the service it got, divided by its weight. The lowest comes next.
One that comes back from idleness is lifted to the lowest counter of those that wait (or to that of
the one that left last, where none waits), so that nobody can save up a right to starve the others.

The paper counts input tokens at dispatch and output tokens as they come. Here a call's service is
known when it ends; until then an estimate of it counts beside the counter, so that free slots do
not all go to one principal. The lift looks at the counters alone: so the lowest never falls.

Bounded unfairness (the paper's lemma 4.3 and theorem 4.4, where U = max(w_p · L_input, w_q · M)).
Let M calls run at once at most, each of a service up to L, w be the smallest weight and
U = M · max(L, estimate) / w. A principal is only chosen when counter and estimates are lowest, and
then has up to M calls in flight, so no counter is above the lowest one of those that wait by more
than U. Hence over any time in which two principals always have a call waiting, what they are
charged, divided by their weights, differs by at most 2 · U.

Bounded waiting: while a principal waits and gets nothing, each other one is charged at most
2 · U times its weight, so with P principals and no call below the service l, the principal's next
call is let in after at most (P - 1) · (2 · U · w_max / l + M) others. Within the principal, the
inner policy decides.

Interface:
    Fair            the policy
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .contract import Policy, Waiting
from .fifo import Fifo
from .heap import Heap


@dataclass(slots=True)
class _Account:
    """One principal."""

    queue: Policy
    weight: float = 1.0
    #: Service that its ended calls were charged, by weight, or what it was lifted to.
    counter: float = 0.0
    #: Keys of its calls that were popped and have not been charged.
    flying: set[int] = field(default_factory=set)


class Fair:
    """The principal with the least service first."""

    def __init__(self, inner: Callable[[], Policy] = Fifo, estimate: float = 1.0) -> None:
        self._inner = inner
        #: Service that a call is counted with until its end.
        self._estimate = estimate
        self._accounts: dict[str, _Account] = {}
        self._principals: dict[int, str] = {}  # by key of a waiting call
        # Those that wait, by counter with estimates (who is next) and without (what lifts).
        self._order: Heap[str] = Heap()
        self._floor: Heap[str] = Heap()
        self._left: str | None = None  # who was the last to have no more calls waiting

    def add(self, item: Waiting, now: float) -> None:
        principal = item.principal
        account = self._accounts.get(principal)
        if account is None:
            account = self._accounts[principal] = _Account(self._inner())
        if not len(account.queue):
            account.counter = max(account.counter, self._lowest())
        account.weight = item.weight
        account.queue.add(item, now)
        self._principals[item.key] = principal
        self._place(principal, account)

    def remove(self, key: int) -> Waiting | None:
        principal = self._principals.pop(key, None)
        if principal is None:
            return None
        account = self._accounts[principal]
        item = account.queue.remove(key)
        self._place(principal, account)
        return item

    def pop(self, now: float) -> Waiting | None:
        lowest = self._order.peek()
        if lowest is None:
            return None
        principal = lowest[1]
        account = self._accounts[principal]
        item = account.queue.pop(now)
        assert item is not None, "a principal stands in the heaps while it has calls waiting"
        del self._principals[item.key]
        account.flying.add(item.key)
        self._place(principal, account)
        return item

    def charge(self, item: Waiting, service: float, now: float) -> None:
        account = self._accounts.get(item.principal)
        if account is None:
            return
        account.flying.discard(item.key)
        account.counter += service / account.weight
        account.queue.charge(item, service, now)
        if len(account.queue):
            self._place(item.principal, account)

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        account = self._accounts.get(item.principal)
        if account is None:
            return self._lowest(), *self._inner().rank(item, now)
        return self._standing(account), *account.queue.rank(item, now)

    def items(self) -> list[Waiting]:
        return [item for account in self._accounts.values() for item in account.queue.items()]

    def __len__(self) -> int:
        return len(self._principals)

    def counter(self, principal: str) -> float:
        """Return the service that a principal was charged or lifted to, divided by its weight."""
        account = self._accounts.get(principal)
        return 0.0 if account is None else account.counter

    def _standing(self, account: _Account) -> float:
        return account.counter + len(account.flying) * self._estimate / account.weight

    def _lowest(self) -> float:
        lowest = self._floor.peek()
        if lowest is not None:
            return float(lowest[0])
        return 0.0 if self._left is None else self._accounts[self._left].counter

    def _place(self, principal: str, account: _Account) -> None:
        """Rank a principal anew, or take it out while none of its calls waits."""
        if len(account.queue):
            self._order.push(principal, self._standing(account), principal)
            self._floor.push(principal, account.counter, principal)
        else:
            self._order.remove(principal)
            self._floor.remove(principal)
            self._left = principal
