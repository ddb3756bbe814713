"""Comma-separated values and their like."""

from __future__ import annotations

import pytest

from .conftest import See


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_columns_are_parted_by_what_parts_them(see: See, mark: str) -> None:
    text = f'name{mark}note\nAda{mark}"a{mark} b, c; d"\nBob{mark}x\n'
    (one,) = see(text, "a.csv").observations
    assert one.kind == "table" and one.place.row == 1
    assert one.rows == [["name", "note"], ["Ada", f"a{mark} b, c; d"], ["Bob", "x"]]


def test_line_breaks_within_quotes_are_no_rows(see: See) -> None:
    (one,) = see('a,b\n"x\ny",2\n', "a.csv").observations
    assert one.rows == [["a", "b"], ["x\ny", "2"]]


def test_table_in_an_old_encoding_is_read(see: See) -> None:
    text = "Straße,Größe\nKönigstraße,groß\nÄußere Straße,größer\n"
    (one,) = see(text.encode("cp1252"), "a.csv").observations
    assert one.rows is not None and one.rows[0] == ["Straße", "Größe"]


def test_rows_are_numbered_from_the_first_below_the_head(see: See) -> None:
    found = see("n\n" + "".join(f"{at}\n" for at in range(1, 251)), "a.csv")
    assert [one.place.row for one in found.observations] == [1, 101, 201]
    assert (found.observations[2].rows or [])[1] == ["201"]


def test_million_columns_are_bounded(see: See) -> None:
    found = see(",".join(["c"] * 10**6) + "\n" + ",".join(["1"] * 10**6), "a.csv")
    (one,) = found.observations
    assert found.truncated and found.about["columns"] == 10**6
    assert one.rows is not None and {len(row) for row in one.rows} == {1000}


def test_head_alone_is_a_table(see: See) -> None:
    (one,) = see("a,b\n", "a.csv").observations
    assert one.rows == [["a", "b"]]


def test_quote_that_never_ends_is_refused(see: See) -> None:
    found = see('a,b\n"' + "x\n" * 800_000, "a.csv")
    assert found.error is not None and found.error[0] == "EINVAL"
