"""How fast a device works off the calls that wait for it.

Interface:
    Pace            `note` each end of a call; `wait` tells how long so many calls take
"""

from __future__ import annotations

#: How much an interval counts beside those before it. Calls that run in one batch end together:
#: only many intervals tell how many a second there are.
NEW = 0.05


class Pace:
    """The typical time between two calls' ends, while there is always another one to take."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._interval: float | None = None

    def note(self, now: float, busy: bool) -> None:
        """A call has ended; `busy` says whether others waited for its place."""
        if not busy:
            self._last = None
            return
        if self._last is not None:
            passed = max(now - self._last, 0.0)
            before = passed if self._interval is None else self._interval
            self._interval = before + NEW * (passed - before)
        self._last = now

    def wait(self, calls: int) -> float | None:
        """Return the seconds until so many calls have ended; None before any have."""
        return None if self._interval is None else calls * self._interval
