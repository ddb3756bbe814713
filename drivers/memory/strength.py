"""How strong a memory is: it halves with time, and is raised when it is touched.

The curve is Ebbinghaus's (1885) in its exponential form.

Interface:
    left            of a strength, after some time
    raised          a strength that is touched again
"""

from __future__ import annotations

#: Seconds in which strength halves, where nobody says otherwise.
HALF_LIFE = 30 * 86400.0
#: What part of the way to its full strength a piece comes when it is recalled or written again.
STRENGTHENED = 0.2


def left(strength: float, seconds: float, half_life: float = HALF_LIFE) -> float:
    """Return what is left of a strength after some seconds."""
    return float(strength * 0.5 ** (max(seconds, 0.0) / half_life))


def raised(strength: float, seconds: float) -> float:
    """Return a strength that was touched after some seconds."""
    now = left(strength, seconds)
    return now + STRENGTHENED * (1 - now)
