"""What the journal keeps of a call for the audit.

Interface:
    audited         whose call it is, what let it pass or refused it, and who has allowed it
    RateLimit       how many requests that are no calls are kept of a process
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..call import Call

#: What `Record.notes` calls them.
WHO, GRANT, APPROVER = "who", "grant", "approver"
#: Refused requests of one process that are kept in a second.
MOST = 20


def audited(call: Call) -> dict[str, Any]:
    """Return the notes of a call."""
    process = call.process
    kept: dict[str, Any] = {WHO: [process.principal, process.name]}
    if call.grant is not None:
        kept[GRANT] = call.grant.text
    if call.approver:
        kept[APPROVER] = call.approver
    return kept


class RateLimit:
    """Lets through so many a second of each process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = 0
        self._taken: Counter[int] = Counter()

    def take(self, pid: int) -> bool:
        """Whether one more is let through."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._taken.clear()
        self._taken[pid] += 1
        return self._taken[pid] <= MOST
