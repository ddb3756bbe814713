"""Who gives pages back when they are short, and how: what wastes the least memory and time.

After InferCept (Abhyankar et al. 2024, section 3): memory is wasted by whoever keeps pages that it
does not use, and by all who run while pages are moved or computed again. A pure data structure.

Interface:
    Standing        what is known of somebody's next use of its pages
    Candidate       somebody whose pages can be taken
    Costs           what moving and reading take on this machine
    LeastWaste      the policy; `choose`
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, Literal, TypeVar

from ..contract import Rank

Way = Literal["swap", "discard"]
Key = TypeVar("Key")
#: The weight of the newest measurement in a running mean.
FRESH = 0.2


class Standing(IntEnum):
    """When pages will be wanted again; who stands first gives first. A process that is gone has
    none: what it has left is only cached, and given up before anybody is asked."""

    SUSPENDED = 1
    #: Blocked, or between two calls: after some seconds.
    BLOCKED = 2
    #: As soon as there is room.
    WAITING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[Key]):
    """Somebody whose pages can be taken."""

    key: Key
    standing: Standing
    #: Pages in the device that it alone keeps there.
    pages: int
    #: Tokens that it would have to read again.
    tokens: int
    #: Seconds until it is expected to want them, of one that is blocked.
    seconds: float = 0.0
    #: Of one that waits: the lowest comes first.
    rank: Rank = ()
    pinned: bool = False


@dataclass(slots=True)
class Costs:
    """Seconds that it takes to read a token and to move a page one way; running means."""

    read: float = 1e-3
    move: float = 1e-4

    def has_read(self, tokens: int, seconds: float) -> None:
        """Take a measurement into account."""
        self.read += FRESH * (seconds / tokens - self.read)

    def has_moved(self, pages: int, seconds: float) -> None:
        """Take a measurement into account."""
        self.move += FRESH * (seconds / pages - self.move)


class LeastWaste:
    """Chooses by waste, in page-seconds."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def choose(
        self, candidates: Iterable[Candidate[Key]], *, running: int, places: int, forced: bool
    ) -> tuple[Key, Way] | None:
        """Return who gives its pages back, and how.

        `running` pages are held by those who run, `places` of the host are free. None where it is
        best that all keep theirs; never so if it is `forced` and there is a candidate. Order: the
        pinned last; suspended, blocked, waiting; blocked for the longest; the worst rank.
        """
        able = sorted(candidates, key=_order)
        for one in able:
            swap = self._swapping(one, running) if one.pages <= places else float("inf")
            discard = self._discarding(one, running)
            if forced or min(swap, discard) <= self._preserving(one):
                return one.key, "swap" if swap <= discard else "discard"
        return None

    def _preserving(self, one: Candidate[Key]) -> float:
        """Its pages lie there until they are wanted; a pin says that this is no waste."""
        if one.pinned:
            return 0.0
        return one.pages * one.seconds if one.standing is Standing.BLOCKED else float("inf")

    def _swapping(self, one: Candidate[Key], running: int) -> float:
        """While pages move out and in, all that run wait."""
        return 2 * self._costs.move * one.pages * running

    def _discarding(self, one: Candidate[Key], running: int) -> float:
        """While tokens are read again, their pages are of no use yet and all that run wait."""
        return self._costs.read * one.tokens * (one.pages + running)


def _order(one: Candidate[Key]) -> tuple[bool, int, float, Rank]:
    return one.pinned, one.standing, -one.seconds, tuple(-part for part in one.rank)
