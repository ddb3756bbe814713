"""Idempotency keys: a repeated request gets the first one's answer.

Interface:
    Repeats         `begin` and `end` around a call
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

#: Seconds that an answer is kept, and answers that are.
KEPT, MOST = 600.0, 10_000
Key = tuple[int, str]


class Repeats:
    """Answers by session and key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[Key, tuple[float, bytes, object]] = OrderedDict()

    def begin(self, key: Key, call: bytes) -> object:
        """Return an earlier answer, or None for a new call, which is then in flight.

        Raises KeyError while the first one is in flight, ValueError for another call.
        """
        now = self._clock()
        while self._answers and now - next(iter(self._answers.values()))[0] > KEPT:
            self._answers.popitem(last=False)
        found = self._answers.get(key)
        mark = sha256(call).digest()
        if found is None:
            self._answers[key] = (now, mark, None)
            if len(self._answers) > MOST:
                self._answers.popitem(last=False)
            return None
        if found[1] != mark:
            raise ValueError("the key was used for another request")
        if found[2] is None:
            raise KeyError("the first request with this key is in flight")
        return found[2]

    def end(self, key: Key, answer: object | None) -> None:
        """Keep a call's answer, or forget a call that has none to keep."""
        found = self._answers.pop(key, None)
        if found is not None and answer is not None:
            self._answers[key] = (found[0], found[1], answer)
