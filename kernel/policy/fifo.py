"""First come, first served.

Bounded waiting: a call is passed by none that came after it, so it waits for at most the calls
that stood before it.

Interface:
    Fifo            the policy
"""

from __future__ import annotations

from .contract import Waiting


class Fifo:
    """Calls in the order of their coming."""

    def __init__(self) -> None:
        self._items: dict[int, Waiting] = {}

    def add(self, item: Waiting, now: float) -> None:
        self._items[item.key] = item

    def remove(self, key: int) -> Waiting | None:
        return self._items.pop(key, None)

    def pop(self, now: float) -> Waiting | None:
        key = next(iter(self._items), None)
        return None if key is None else self._items.pop(key)

    def charge(self, item: Waiting, service: float, now: float) -> None:
        """What a call has used does not count here."""

    def items(self) -> list[Waiting]:
        return list(self._items.values())

    def __len__(self) -> int:
        return len(self._items)
