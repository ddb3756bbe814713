"""What was made before and may be wanted again.

Interface:
    Kept            the latest values by key; any thread may use it
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Keeps as many values as there is room for, the latest used ones."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], Value]) -> Value:
        """Return a value, made now if it is not known; two threads may both make it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._room:
                self._values.popitem(last=False)
        return value

    def drop(self, key: str) -> None:
        """Forget a value, if it is known."""
        with self._lock:
            self._values.pop(key, None)

    def keys(self) -> list[str]:
        """Return the keys, the latest used one last."""
        with self._lock:
            return list(self._values)
