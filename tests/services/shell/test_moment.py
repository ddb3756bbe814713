from __future__ import annotations

import time

import click
import pytest

from llmagentos.services.shell.moment import SPAN, clock, date


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)]
)
def test_span_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert SPAN.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "1y", "-1d", "0s", "1.5h", "٣d", "99999999999d"])
def test_what_is_no_time_or_longer_than_anybody_means_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time; write 30m"):
        SPAN.convert(text, None, None)


def test_moment_is_written_in_local_time_and_one_beyond_all_calendars_as_a_number() -> None:
    now = time.time()
    assert date(now).endswith(clock(now)) and len(clock(now)) == 8
    assert date(8.64e18) == "8640000000000000000"
    assert date(float("inf")) == "inf"
