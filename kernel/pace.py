"""How fast a device works off the calls that wait for it.

As many calls end in the time that one takes as run beside each other (Little 1961), however they
come together in batches.

Interface:
    Pace            `note` how long a call ran; `wait` tells how long so many others take
"""

from __future__ import annotations

#: How much a call's duration counts beside those before it.
NEW = 0.05


class Pace:
    """The typical duration of a call at the device."""

    def __init__(self) -> None:
        self._typical: float | None = None

    def note(self, seconds: float) -> None:
        """A call has run so long."""
        before = seconds if self._typical is None else self._typical
        self._typical = before + NEW * (seconds - before)

    def wait(self, calls: int, at_once: int) -> float | None:
        """Return the seconds until so many calls have ended of which so many run at once; None
        before any has."""
        return None if self._typical is None else calls * self._typical / max(at_once, 1)
