"""The budget tree: what a process and all its descendants may spend.

A child spends from its parent's budget within its own limits. A call reserves what it may cost at
most at its node and at every ancestor before it happens, and commits what it has really cost.

Interface:
    Limits          upper bounds by resource
    Budget          a node; `child`, `reserve`, `commit`, `spend`, `close`
    Reservation     what a call in flight may still cost
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..syscalls.errors import InvalidArgument, QuotaExceeded

#: Every resource, with what a limit of it counts.
RESOURCES = {
    "tokens": "tokens read and written by models",
    "money": "dollars",
    "device_seconds": "seconds of a device",
    "wall_seconds": "seconds since the start",
    "processes": "processes alive at once",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds by resource; a resource that is missing has none."""

    bounds: Mapping[str, float]

    @classmethod
    def parse(cls, bounds: Mapping[str, float] | None) -> Limits:
        """Check bounds. Raises `InvalidArgument` for an unknown resource or a bad number."""
        for resource, bound in (bounds or {}).items():
            if resource not in RESOURCES:
                known = ", ".join(RESOURCES)
                raise InvalidArgument(f"there is no resource {resource!r} to limit; {known}")
            if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not bound >= 0:
                raise InvalidArgument(f"the limit of {resource} is a number from 0, not {bound!r}")
        return cls(dict(bounds or {}))


@dataclass(slots=True)
class Reservation:
    """What a call in flight may still cost. The budget alone writes it."""

    amounts: Mapping[str, float]
    open: bool = True


class Budget:
    """One process's node in the tree."""

    def __init__(self, limits: Limits | None = None, parent: Budget | None = None) -> None:
        self._limits = dict((limits or Limits({})).bounds)
        self._parent = parent
        self._spent = dict.fromkeys(RESOURCES, 0.0)
        self._reserved = dict.fromkeys(RESOURCES, 0.0)
        self._lives = False

    def child(self, limits: Limits | None = None) -> Budget:
        """Return a node below this one.

        Its limits may be larger than what is left here: they bound it beside these, not instead.
        """
        return Budget(limits, self)

    def limits(self) -> dict[str, float]:
        """Return this node's own limits."""
        return dict(self._limits)

    def usage(self) -> dict[str, float]:
        """Return what this node and all below it have spent."""
        return {resource: spent for resource, spent in self._spent.items() if spent}

    def limited(self, resource: str) -> bool:
        """Whether this node or one above it limits a resource."""
        return any(resource in node._limits for node in self._path())

    def remaining(self, resource: str) -> float:
        """Return what may still be reserved, infinite where nothing limits it."""
        return min((node._left(resource) for node in self._path()), default=float("inf"))

    def wall_seconds(self) -> float | None:
        """Return the shortest time that this node or one above it allows."""
        bounds = [n._limits["wall_seconds"] for n in self._path() if "wall_seconds" in n._limits]
        return min(bounds, default=None)

    def reserve(self, amounts: Mapping[str, float]) -> Reservation:
        """Set aside what a call may cost at most.

        Raises `QuotaExceeded`, and reserves nothing, where this node or one above has less left.
        """
        for resource, amount in amounts.items():
            left = self.remaining(resource)
            if amount > left:
                raise QuotaExceeded(
                    f"this may cost {amount:g} {resource}, and {left:g} are left",
                    resource=resource,
                    asked=amount,
                    left=left,
                )
        self._add("_reserved", amounts)
        return Reservation(dict(amounts))

    def commit(self, reservation: Reservation, actual: Mapping[str, float]) -> None:
        """Give back a reservation and note the real cost, even one that is higher."""
        if reservation.open:
            reservation.open = False
            self._add("_reserved", {name: -amount for name, amount in reservation.amounts.items()})
            self.spend(actual)

    def spend(self, actual: Mapping[str, float]) -> None:
        """Note a cost that could not be known before."""
        self._add("_spent", {name: max(cost, 0) for name, cost in actual.items()})

    def start_process(self) -> None:
        """Count the node's own process as alive. Raises `QuotaExceeded`."""
        self.reserve({"processes": 1})
        self._lives = True

    def close(self) -> None:
        """The process has ended: it no longer counts as alive."""
        if self._lives:
            self._lives = False
            self._add("_reserved", {"processes": -1})

    def _path(self) -> Iterator[Budget]:
        node: Budget | None = self
        while node is not None:
            yield node
            node = node._parent

    def _left(self, resource: str) -> float:
        bound = self._limits.get(resource)
        if bound is None:
            return float("inf")
        return bound - self._spent[resource] - self._reserved[resource]

    def _add(self, ledger: str, amounts: Mapping[str, float]) -> None:
        for node in self._path():
            column: dict[str, float] = getattr(node, ledger)
            for resource, amount in amounts.items():
                if resource in column:
                    column[resource] += amount
