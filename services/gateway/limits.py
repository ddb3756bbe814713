"""How often somebody may ask.

Interface:
    Limits          buckets by key; `take` and `empty`
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

#: Keys that are remembered; then the one that was used longest ago has a full bucket again.
KNOWN = 10_000


class Limits:
    """A bucket for each key: `burst` at once, and `rate` a second in the long run."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        #: What is left in each bucket, and since when.
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """Take one; return 0, or the seconds after which there is one and it is not taken."""
        seconds = self.empty(key)
        if not seconds:
            self._left[key] = (self._now(key) - 1, self._clock())
            self._left.move_to_end(key)
            if len(self._left) > KNOWN:
                self._left.popitem(last=False)
        return seconds

    def empty(self, key: Hashable) -> float:
        """Return the seconds until there is one, 0 where there is."""
        return max(0.0, (1 - self._now(key)) / self._rate)

    def _now(self, key: Hashable) -> float:
        left, since = self._left.get(key, (self._burst, self._clock()))
        return min(self._burst, left + (self._clock() - since) * self._rate)
