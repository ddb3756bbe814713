"""How often a tool may be called: a token bucket for each principal and tool.

A bucket holds a minute's worth of calls, or one where that is less, and fills evenly.

Interface:
    Bucket          one; `take` returns the seconds to wait
    Rates           all of them; `take` raises `TryAgain`
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from ...syscalls.errors import TryAgain
from ...syscalls.tool import ToolInfo

#: Buckets that are kept; one that is forgotten is full again.
KEPT = 10_000


class Bucket:
    """Fills with `speed` tokens a second, up to `size`."""

    __slots__ = ("_clock", "_left", "_size", "_speed", "_then")

    def __init__(self, speed: float, size: float, clock: Callable[[], float]) -> None:
        self._speed, self._size, self._clock = speed, size, clock
        self._left, self._then = size, clock()

    def take(self) -> float:
        """Take a token and return 0, or the seconds until there will be one."""
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._then) * self._speed)
        self._then = now
        if self._left < 1:
            return (1 - self._left) / self._speed
        self._left -= 1
        return 0.0


class Rates:
    """The owner's rates by patterns of tool names, else each tool's own."""

    def __init__(self, rates: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._rates, self._clock = dict(rates), clock
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def of(self, info: ToolInfo) -> float | None:
        """Return the calls of a tool that a principal may make in a minute; None for any."""
        if info.name in self._rates:
            return self._rates[info.name]
        patterns = (rate for one, rate in self._rates.items() if fnmatchcase(info.name, one))
        return next(patterns, info.rate)

    def take(self, principal: str, info: ToolInfo) -> None:
        """Count a call. Raises `TryAgain` with `retry_after` past the rate."""
        rate = self.of(info)
        if rate is None:
            return
        key = (principal, info.name)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(rate / 60, max(rate, 1), self._clock)
            if len(self._buckets) > KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        if seconds := bucket.take():
            said = f"{info.name} may be called {rate:g} times a minute; again in {seconds:.1f} s"
            raise TryAgain(said, retry_after=seconds)
