"""The budget tree: what a process and all its descendants may spend.

A child spends from its parent's budget within its own limits. A call reserves what it may cost at
most at its node and at every ancestor before it happens, and commits what it has really cost.

Two sums hold at every moment: what a node has spent and reserved is its own part and that of all
below it; and it is within the limits of the node and of its ancestors, but for costs that were
higher than reserved, which are noted as they are and refuse all that comes after.

What nobody knows an upper bound of sets aside all that is left, so that nobody else spends it
meanwhile.

Interface:
    Limits          upper bounds by resource
    Usage           amounts by resource
    Budget          a node; `child`, `begin`, `reserve`, `draw`, `commit`, `release`, `spend`,
                    `snapshot`, `close`
    Reservation     what a call in flight may still cost
    Held            what is wanted has been set aside for calls that may not need it
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..syscalls.errors import InvalidArgument, QuotaExceeded, TryAgain

#: Every resource, with what a limit of it counts.
RESOURCES = {
    "tokens": "tokens read and written by models",
    "money": "dollars",
    "device_seconds": "seconds of a device",
    "wall_seconds": "seconds since the start",
    "processes": "processes alive at once",
}
#: What is left of a limit by rounding alone, as a part of it: it is nothing.
_DUST = 1e-9

Usage: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds by resource; a resource that is missing has none."""

    bounds: Mapping[str, float]

    @classmethod
    def parse(cls, bounds: Mapping[str, float | None] | None) -> Limits:
        """Check bounds; None and infinity are no bound.

        Raises `InvalidArgument` for an unknown resource or a bad number.
        """
        kept: dict[str, float] = {}
        for resource, bound in (bounds or {}).items():
            if resource not in RESOURCES:
                known = ", ".join(RESOURCES)
                raise InvalidArgument(f"there is no resource {resource!r} to limit; {known}")
            if bound is None:
                continue
            if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not bound >= 0:
                raise InvalidArgument(f"the limit of {resource} is a number from 0, not {bound!r}")
            if bound != math.inf:
                kept[resource] = bound
        return cls(kept)


@dataclass(slots=True, eq=False)
class Reservation:
    """What a call in flight may still cost. The budget alone writes it."""

    amounts: Usage
    #: Whether it is still set aside.
    open: bool = True
    #: Whether the call's real cost has been noted.
    committed: bool = False


class Held(TryAgain):
    """Calls that are under way have set aside what this may cost."""

    def __init__(self, message: str, node: Budget, **details: Any) -> None:
        super().__init__(message, **details)
        #: Whose rest is too small.
        self.node = node


class Budget:
    """One process's node in the tree."""

    def __init__(self, limits: Limits | None = None, parent: Budget | None = None) -> None:
        self._limits = dict((limits or Limits({})).bounds)
        self._parent = parent
        self._spent = dict.fromkeys(RESOURCES, 0.0)
        self._reserved = dict.fromkeys(RESOURCES, 0.0)
        self._holders = 0  # open reservations of this node and all below
        self._place: Reservation | None = None  # the node's own process among those alive
        self._end = math.inf  # when its process's time is up

    def child(self, limits: Limits | None = None) -> Budget:
        """Return a node below this one.

        Its limits may be larger than what is left here: they bound it beside these, not instead.
        """
        return Budget(limits, self)

    def bound(self, limits: Limits) -> None:
        """Let other limits hold from now on; what was spent stays spent."""
        self._limits = dict(limits.bounds)

    def limits(self) -> dict[str, float]:
        """Return this node's own limits."""
        return dict(self._limits)

    def usage(self) -> dict[str, float]:
        """Return what this node and all below it have spent."""
        return {resource: spent for resource, spent in self._spent.items() if spent}

    def limited(self, resource: str) -> bool:
        """Whether this node or one above it limits a resource."""
        return any(resource in node._limits for node in self.path())

    def remaining(self, resource: str) -> float:
        """Return what may still be reserved, infinite where nothing limits it."""
        return min((node._left(resource) for node in self.path()), default=math.inf)

    def wall_seconds(self) -> float | None:
        """Return the shortest time that this node or one above it allows."""
        bounds = [n._limits["wall_seconds"] for n in self.path() if "wall_seconds" in n._limits]
        return min(bounds, default=None)

    def begin(self, now: float) -> None:
        """Let the time of the node's own process run, from `now` on a clock that never jumps.

        It ends with that of those above at the latest: a child's time is part of theirs. Raises
        `QuotaExceeded` where theirs is up.
        """
        own = self.wall_seconds()
        end = min(math.inf if own is None else now + own, *(node._end for node in self.path()))
        if end <= now:
            raise QuotaExceeded("no wall_seconds are left", resource="wall_seconds", left=0.0)
        self._end = end

    def time_left(self, now: float) -> float | None:
        """Return the seconds until the time of the node's own process is up, if it ever is."""
        return None if self._end == math.inf else self._end - now

    def snapshot(self) -> dict[str, Any]:
        """Return the node as plain data, by resource; only what is limited has a rest."""
        return {
            "limits": self.limits(),
            "spent": self.usage(),
            "reserved": {name: held for name, held in self._reserved.items() if held},
            "remaining": {name: self.remaining(name) for name in RESOURCES if self.limited(name)},
        }

    def reserve(self, amounts: Usage, least: Usage | None = None) -> Reservation:
        """Set aside what a call may cost at most.

        A resource that is in `least` is an estimate: where less is left than its amount, which may
        be infinite, all that is left is set aside, if that is its `least` or more.

        Raises `QuotaExceeded`, and reserves nothing, where this node or one above has less left;
        `Held` where an estimate would fit if what others have set aside came back; and
        `InvalidArgument` for an unknown resource or an amount that is no number from 0.
        """
        least = least or {}
        taken: dict[str, float] = {}
        for resource, amount in amounts.items():
            most = math.inf if resource in least else math.nextafter(math.inf, 0)
            if resource not in RESOURCES or not 0 <= amount <= most:
                raise InvalidArgument(f"{amount!r} {resource} cannot be reserved")
            if resource in least:
                taken[resource] = self._share(resource, amount, least[resource])
                continue
            left = self.remaining(resource)
            if amount > left:
                raise _exceeded(resource, amount, left)
            taken[resource] = amount
        self._hold(taken, 1)
        return Reservation(taken)

    def _share(self, resource: str, amount: float, least: float) -> float:
        """Return what is set aside of an estimated cost. Raises `QuotaExceeded` and `Held`."""
        for node in self.path():
            bound = node._limits.get(resource, math.inf)
            unspent = bound - node._spent[resource]
            if unspent <= _DUST * bound < math.inf or least > unspent:
                raise _exceeded(resource, least, unspent)
        for node in self.path():
            bound, left = node._limits.get(resource, math.inf), node._left(resource)
            if amount and (left <= _DUST * bound < math.inf or least > left):
                text = f"calls that are under way may cost all {resource} that are left"
                raise Held(text, node, resource=resource, retry_after=0.5)
        return min(amount, max(self.remaining(resource), 0.0))

    def draw(self, reservation: Reservation | None, actual: Usage) -> None:
        """Note a part of a call's cost while it runs, out of what was set aside for it.

        Raises `QuotaExceeded`, once the cost is noted, where it is more than that and than what
        was left besides.
        """
        beyond = dict(actual)
        if reservation is not None and reservation.open:
            amounts = dict(reservation.amounts)
            for resource in amounts.keys() & actual.keys():
                taken = min(max(actual[resource], 0.0), amounts[resource])
                beyond[resource] -= taken
                amounts[resource] -= taken
                for node in self.path():
                    node._reserved[resource] -= taken
            reservation.amounts = amounts
        self.spend(actual)
        for resource, cost in beyond.items():
            if cost > 0 and self.remaining(resource) < 0:
                raise QuotaExceeded(
                    f"this has cost more {resource} than there were", resource=resource, left=0.0
                )

    def commit(self, reservation: Reservation, actual: Usage) -> None:
        """Give back a reservation and note the real cost, once, even one that is higher.

        Costs that were drawn before are not among them.

        A cost that is no finite number is noted as what was reserved for it. One that comes after
        the reservation was released is noted all the same.
        """
        if reservation.committed:
            return
        reservation.committed = True
        self.release(reservation)
        reserved = reservation.amounts
        self.spend(
            {
                name: cost if math.isfinite(cost) else reserved.get(name, 0.0)
                for name, cost in actual.items()
            }
        )

    def release(self, reservation: Reservation) -> None:
        """Give back a reservation of this node whose call has cost nothing so far."""
        if reservation.open:
            reservation.open = False
            self._hold(reservation.amounts, -1)

    def spend(self, actual: Usage) -> None:
        """Note a cost that could not be known before; what is no cost is left out."""
        costs = {name: cost for name, cost in actual.items() if 0 < cost < math.inf}
        for node in self.path():
            for resource in costs.keys() & RESOURCES.keys():
                node._spent[resource] += costs[resource]

    def start_process(self) -> None:
        """Count the node's own process as alive. Raises `QuotaExceeded`."""
        if self._place is None:
            self._place = self.reserve({"processes": 1})

    def close(self) -> None:
        """The process has ended: it no longer counts as alive.

        What its calls in flight have reserved comes back as each of them ends: until then they
        may still cost it, and the parent must not give it away twice.
        """
        if self._place is not None:
            self.release(self._place)
            self._place = None

    def path(self) -> Iterator[Budget]:
        """Yield this node and those above it, from which it spends as well."""
        node: Budget | None = self
        while node is not None:
            yield node
            node = node._parent

    def _left(self, resource: str) -> float:
        bound = self._limits.get(resource)
        if bound is None:
            return math.inf
        return bound - self._spent[resource] - self._reserved[resource]

    def _hold(self, amounts: Usage, sign: int) -> None:
        for node in self.path():
            node._holders += sign
            if not node._holders:
                # Sums of fractions do not cancel exactly; with nothing held, nothing is reserved.
                node._reserved = dict.fromkeys(RESOURCES, 0.0)
                continue
            for resource, amount in amounts.items():
                node._reserved[resource] += sign * amount


def _exceeded(resource: str, amount: float, left: float) -> QuotaExceeded:
    left = max(left, 0.0)
    said = f"this may cost {amount:g} {resource}, and {left:g} are left"
    return QuotaExceeded(
        said if amount else f"no {resource} are left",
        resource=resource,
        asked=amount,
        left=left,
    )
