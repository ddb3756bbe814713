"""Fair between principals: the virtual token counter (VTC; Sheng et al., "Fairness in Serving
Large Language Models", OSDI 2024, algorithm 2), with weights.

Each principal has a counter of the service it got, divided by its weight. The lowest comes next.
One that comes back from idleness is lifted to the lowest counter of those that wait (or to that of
the one that left last, where none waits), so that nobody can save up a right to starve the others.
One whose calls still run is lifted to `LAG` below that: on a device that preempts they may stand
still there, and what another has got meanwhile is not forgiven at once.

A call is charged as it runs. What is left of an estimate of its service counts beside the counter
until then, so that free slots do not all go to one principal. The lift looks at the counters alone,
and never at a lower one than before.

Bounded unfairness (the paper's lemma 4.3 and theorem 4.4, where U = max(w_p · L_input, w_q · M)).
Let M calls run at once at most, each of a service up to L, w be the smallest weight and
U = M · max(L, estimate) / w + LAG. A principal is only chosen when counter and estimates are
lowest, and then has up to M calls in flight, so no counter is above the lowest one of those that
wait by more than U. Hence over any time in which two principals always have a call waiting, what
they are charged, divided by their weights, differs by at most 2 · U.

Bounded waiting: while a principal waits and gets nothing, each other one is charged at most
2 · U times its weight, so with P principals and no call below the service l, the principal's next
call is let in after at most (P - 1) · (2 · U · w_max / l + M) others. Within the principal, the
inner policy decides.

Among running calls the counters alone are compared, and in slices, so that on a device that
preempts two principals take turns by the slice and not at every step.

Interface:
    Fair            the policy
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .contract import Policy, Waiting
from .fifo import Fifo
from .heap import Heap

#: Service, by weight, that a principal whose calls run may be behind without losing its claim.
LAG = 2.0
#: Service, by weight, after which a principal makes room for another one's running calls.
SLICE = 1.0


@dataclass(slots=True)
class _Account:
    """One principal."""

    queue: Policy
    weight: float = 1.0
    #: Service that it was charged, by weight, or what it was lifted to.
    counter: float = 0.0
    #: What is left of the estimate of each of its calls that were popped and have not ended, and
    #: the sum.
    flying: dict[int, float] = field(default_factory=dict)
    expected: float = 0.0

    def standing(self) -> float:
        """Return the counter with the estimates."""
        return self.counter + self.expected / self.weight

    def expect(self, key: int, service: float) -> None:
        """Count a call with so much more service than it was charged."""
        self.expected += service - self.flying.get(key, 0.0)
        self.flying[key] = service

    def land(self, key: int) -> None:
        """Forget a call that has ended."""
        self.expected -= self.flying.pop(key, 0.0)
        if not self.flying:
            self.expected = 0.0  # Sums of fractions do not cancel exactly.


class Fair:
    """The principal with the least service first."""

    def __init__(self, inner: Callable[[], Policy] = Fifo, estimate: float = 1.0) -> None:
        self._inner = inner
        #: Service that a call is counted with until it is charged more.
        self._estimate = estimate
        self._accounts: dict[str, _Account] = {}
        self._principals: dict[int, str] = {}  # by key of a waiting call
        # Those that wait, by counter with estimates (who is next) and without (what lifts).
        self._order: Heap[str] = Heap()
        self._floor: Heap[str] = Heap()
        # Those of which calls run, by counter.
        self._aloft: Heap[str] = Heap()
        self._left: str | None = None  # who was the last to have no more calls waiting
        self._lift = 0.0  # the highest counter that anybody was lifted to

    def add(self, item: Waiting, now: float) -> None:
        principal = item.principal
        account = self._account(principal)
        if not len(account.queue):
            lowest = self._lowest() - (LAG if account.flying else 0.0)
            account.counter = max(account.counter, lowest)
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
        account.expect(item.key, self._estimate)
        self._place(principal, account)
        return item

    def charge(self, item: Waiting, service: float, now: float) -> None:
        account = self._account(item.principal)
        account.counter += service / account.weight
        if (left := account.flying.get(item.key)) is not None:
            account.expect(item.key, max(left - service, 0.0))
        account.queue.charge(item, service, now)
        self._place(item.principal, account)

    def end(self, item: Waiting, now: float) -> None:
        account = self._account(item.principal)
        account.land(item.key)
        account.queue.end(item, now)
        self._place(item.principal, account)

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        account = self._accounts.get(item.principal)
        if account is None:
            return self._lowest(), *self._inner().rank(item, now)
        inner = account.queue.rank(item, now)
        lowest = self._aloft.peek()
        if item.key not in account.flying or lowest is None:
            return account.standing(), *inner
        # Relative, so that the ranks stay as they are while one principal has the device alone.
        return account.counter // SLICE - lowest[0][0] // SLICE, *inner

    def items(self) -> list[Waiting]:
        return [item for account in self._accounts.values() for item in account.queue.items()]

    def __len__(self) -> int:
        return len(self._principals)

    def counter(self, principal: str) -> float:
        """Return the service that a principal was charged or lifted to, divided by its weight."""
        account = self._accounts.get(principal)
        return 0.0 if account is None else account.counter

    def _account(self, principal: str) -> _Account:
        account = self._accounts.get(principal)
        if account is None:
            # One that comes with a running call, from another policy, stands where others do.
            account = _Account(self._inner(), counter=self._lowest())
            self._accounts[principal] = account
        return account

    def _lowest(self) -> float:
        lowest = self._floor.peek()
        if lowest is not None:
            self._lift = max(self._lift, lowest[0][0])
        elif self._left is not None:
            self._lift = max(self._lift, self._accounts[self._left].counter)
        return self._lift

    def _place(self, principal: str, account: _Account) -> None:
        """Rank a principal anew, or take it out where none of its calls waits, or none runs."""
        if account.flying:
            self._aloft.push(principal, (account.counter,), principal)
        else:
            self._aloft.remove(principal)
        if len(account.queue):
            self._order.push(principal, (account.standing(),), principal)
            self._floor.push(principal, (account.counter,), principal)
        elif principal in self._order:
            self._order.remove(principal)
            self._floor.remove(principal)
            self._left = principal
