"""Tables: what cells say, and dates as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.drivers.knowledge.dates import ALWAYS, NEVER, moment, span
from llmagentos.drivers.knowledge.tables import claims, value
from llmagentos.syscalls.errors import InvalidArgument


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("41", 41), (" 1,200 ", 1200), ("-3.5", -3.5), ("2e3", 2000.0), ("TRUE", True),
        ("007", "007"), ("1,20", "1,20"), ("12 km", "12 km"), ("2020-05-01", "2020-05-01"),
        ("**Ann** ", "Ann"), ("a\nb", "a b"), ("9" * 19, "9" * 19),
    ],
)  # fmt: skip
def test_a_cell_says_what_it_looks_like(cell: str, said: Any) -> None:
    assert value(cell) == said and type(value(cell)) is type(said)


def test_cells_without_a_subject_a_head_or_a_word_say_nothing() -> None:
    rows = [["name", "", "born"], ["Ann", "x", "1990-05-01"], ["", "y", "z"], ["Bo"], []]
    assert list(claims(rows)) == [
        (0, {"subject": "Ann", "relation": "born", "object": "1990-05-01", "thing": False})
    ]
    assert list(claims([])) == []


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("1970", 0.0), ("1970-02", 31 * 86400.0), ("1970-01-02", 86400.0),
        ("1970-01-01T01:00", 3600.0), ("1970-01-01T01:00:00+01:00", 0.0), ("0001", -62135596800.0),
    ],
)  # fmt: skip
def test_a_date_is_the_moment_in_which_it_begins(date: str, seconds: float) -> None:
    assert moment(date) == seconds


@pytest.mark.parametrize(
    "date", ["", "soon", "2020-13", "20200", "2020-02-30", "0000", "99999", "२०२०"]
)
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(InvalidArgument, match="is no date such as"):
        moment(date)


def test_an_interval_may_be_open_and_is_never_empty() -> None:
    assert span(None, None) == (ALWAYS, NEVER)
    with pytest.raises(InvalidArgument, match="the end is not in it"):
        span("2020", "2020")
