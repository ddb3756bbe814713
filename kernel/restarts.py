"""When what has died starts again: at once, then after ever longer delays, and at last no more.

Interface:
    Restarts        `died` tells when it starts again
"""

from __future__ import annotations

from collections import deque

#: So many deaths within so many seconds, and it is given up.
INTENSITY, PERIOD = 10, 300.0
#: Seconds before the second restart; each further one waits twice as long, up to the cap.
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0


class Restarts:
    """The latest deaths of one program."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=INTENSITY)

    def died(self, now: float) -> float | None:
        """Note a death; return the seconds until it is to start again, None where it never is."""
        self._deaths.append(now)
        if len(self._deaths) == INTENSITY and now - self._deaths[0] < PERIOD:
            return None
        lately = sum(now - one < PERIOD for one in self._deaths)
        return 0.0 if lately <= 1 else min(FIRST_DELAY * 2.0 ** (lately - 2), LONGEST_DELAY)
