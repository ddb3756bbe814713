"""What fits into one answer, and what is said of what does not."""

from __future__ import annotations

import pytest

from llmagentos.drivers.perception import findings as module
from llmagentos.drivers.perception.bounds import COLUMNS
from llmagentos.drivers.perception.findings import Findings, Full, markdown
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.message import MAX_FRAME
from llmagentos.syscalls.perception import Place


def test_text_past_the_limit_is_cut_and_said_to_be() -> None:
    findings = Findings(10)
    findings.text("12345")
    with pytest.raises(Full):
        findings.text("1234567")
    assert [one.text for one in findings.observations] == ["12345", "12345"]
    assert findings.truncated
    with pytest.raises(Full):
        findings.text("more")


def test_long_table_comes_in_pieces_that_each_have_its_head() -> None:
    findings = Findings(400_000)
    rows = [["name", "age"], *([f"n{at}", str(at)] for at in range(250))]
    findings.table(rows, Place(section="people", row=1))
    assert [len(one.rows or ()) for one in findings.observations] == [101, 101, 51]
    assert [one.place.row for one in findings.observations] == [1, 101, 201]
    assert all((one.rows or [])[0] == ["name", "age"] for one in findings.observations)
    assert not findings.truncated


def test_table_past_the_limit_keeps_whole_rows() -> None:
    findings = Findings(200)
    with pytest.raises(Full):
        findings.table([["name"], *([f"row {at}"] for at in range(90))])
    (one,) = findings.observations
    assert one.rows is not None and one.text == markdown(one.rows)
    assert 2 < len(one.rows) < 90 and findings.truncated


def test_columns_past_the_most_are_left_out_and_said_to_be() -> None:
    findings = Findings(400_000)
    findings.table([["a"] * (COLUMNS + 5), ["b"] * (COLUMNS + 5)])
    assert len((findings.observations[0].rows or [])[0]) == COLUMNS
    assert findings.truncated


def test_cells_cannot_break_a_table() -> None:
    assert markdown([["a|b", "c\nd"]]) == "| a\\|b | c d |\n| --- | --- |"


def test_answer_fits_a_message_however_many_pieces_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "OBSERVATIONS", 10**9)
    findings = Findings(4_000_000)
    with pytest.raises(Full):
        while True:
            findings.table([["\U0001f600" * 40] * 10] * 3)
    assert len(pack(findings.as_plain())) < MAX_FRAME and findings.truncated


def test_half_a_character_can_be_sent() -> None:
    findings = Findings(100)
    findings.text("a\ud800b")
    findings.state("author", "\udfff")
    pack(findings.as_plain())
