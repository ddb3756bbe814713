"""Moments and lengths of time, as people read and write them.

Interface:
    date, clock     a moment's day and time, or its time alone
    SPAN            an option's value such as 30m, in seconds
"""

from __future__ import annotations

import re
import time
from typing import Any

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: Seconds in a century: nobody means more.
_LONGEST = 100 * 365 * 86400


def date(moment: float) -> str:
    """Return the local day and time of seconds since 1970."""
    return _written("%F %T", moment)


def clock(moment: float) -> str:
    """Return the local time of seconds since 1970."""
    return _written("%T", moment)


def _written(form: str, moment: float) -> str:
    try:
        return time.strftime(form, time.localtime(moment))
    except (OverflowError, ValueError, OSError):  # What somebody wrote who did not mean it.
        return f"{moment:.0f}"


class _Span(click.ParamType[int]):
    """A number with a unit: 90s, 30m, 12h or 7d."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        found = re.fullmatch(r"([0-9]{1,12})([smhd])", str(value))
        seconds = int(found[1]) * _UNITS[found[2]] if found else 0
        if not 0 < seconds <= _LONGEST:
            self.fail(f"{value!r} is no time; write 30m, 12h or 7d", param, ctx)
        return seconds


SPAN = _Span()
