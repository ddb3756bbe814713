"""Times as people write them, and as the file compares them.

Interface:
    moment          an ISO 8601 date to seconds since 1970
    span            the two ends of an interval, either of them open
    ALWAYS, NEVER   before and after every moment
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ...syscalls.errors import InvalidArgument

#: What stands for an open beginning and an open end.
ALWAYS, NEVER = -1e18, 1e18
_SHORT = re.compile(r"\d{4}(-\d{2})?")


def moment(text: str) -> float:
    """Return when a year, month, day or time begins, in UTC where it names no zone.

    Raises `InvalidArgument`.
    """
    try:
        whole = text + "-01-01"[len(text) - 4 :] if _SHORT.fullmatch(text) else text
        parsed = datetime.fromisoformat(whole)
    except ValueError:
        raise InvalidArgument(
            f"{text[:60]!r} is no date such as 2024, 2024-05, 2024-05-31 or 2024-05-31T12:00"
        ) from None
    zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return (zoned - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def span(since: str | None, until: str | None) -> tuple[float, float]:
    """Return an interval's ends. Raises `InvalidArgument` for one that is empty."""
    start = ALWAYS if since is None else moment(since)
    end = NEVER if until is None else moment(until)
    if start >= end:
        raise InvalidArgument(f"nothing holds from {since} until {until}: the end is not in it")
    return start, end
