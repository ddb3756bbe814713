"""When calls must have ended: deadlines in buckets of one tick, so that most cost one set entry.

Interface:
    DeadlineWheel    add, discard, expired
"""

from __future__ import annotations


class DeadlineWheel:
    """Keys by deadline. A key is reported at most one tick late and never early."""

    def __init__(self, tick: float = 0.02) -> None:
        #: Seconds that one bucket spans.
        self.tick = tick
        self._buckets: dict[int, set[int]] = {}
        self._done = 0

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def add(self, key: int, deadline: float) -> None:
        """Watch a key; `deadline` in seconds of the clock that `expired` is asked with."""
        slot = max(int(deadline / self.tick) + 1, self._done + 1)
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = set()
        bucket.add(key)

    def discard(self, key: int, deadline: float) -> None:
        """Stop watching a key that was added with this deadline; unknown keys are ignored."""
        slot = int(deadline / self.tick) + 1
        bucket = self._buckets.get(slot)
        if bucket is not None:
            bucket.discard(key)
            if not bucket:
                del self._buckets[slot]

    def expired(self, now: float) -> list[int]:
        """Return and forget the keys whose deadline lies before `now`."""
        last = int(now / self.tick)
        due = [slot for slot in self._buckets if slot <= last]
        self._done = max(self._done, last)
        return [key for slot in sorted(due) for key in self._buckets.pop(slot)]
