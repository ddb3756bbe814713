from __future__ import annotations

import json
import os
import sys

import click
import pytest

from llmagentos.services.shell.output import (
    ago,
    amounts,
    counted,
    halves,
    plain,
    said,
    short,
    show_json,
    silence,
    size,
    table,
)
from llmagentos.syscalls.process import Exit


def test_values_become_what_json_carries() -> None:
    ended = Exit(pid=7, code=1, reason="ended with code 1")
    found = plain({5: (b"\xff", ended), "none": None})
    assert found == {
        "5": ["ff", {"pid": 7, "code": 1, "reason": "ended with code 1"}],
        "none": None,
    }
    json.dumps(found)


def test_json_keeps_what_people_write(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"city": "Tromsø"}, indent=None)
    assert capsys.readouterr().out == '{"city": "Tromsø"}\n'


def test_table_into_a_pipe_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table(("PID", "NAME"), [(7, "clerk"), (123456, None)])
    assert capsys.readouterr().out == "PID     NAME\n7       clerk\n123456  -\n"


def test_table_on_a_terminal_is_drawn_and_no_color_is_respected(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table(("STATE",), [("running",)])
    assert "\x1b[32mrunning" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    table(("STATE",), [("running",)])
    assert "\x1b[32m" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")]
)
def test_duration_is_in_its_largest_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_sizes_and_counts_read_as_people_say_them() -> None:
    assert [size(n) for n in (0, 2048, 5 * 2**20)] == ["0 KB", "2 KB", "5 MB"]
    assert [counted(n, "file") for n in (0, 1, 1234)] == ["0 files", "1 file", "1,234 files"]


def test_cell_that_does_not_fit_a_narrow_terminal_is_told_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    table(("NEEDS", "WHERE"), [("a-captioner", "drivers.perception.settings")])
    drawn = capsys.readouterr().out
    assert "…" not in drawn
    letters = sorted("NEEDSWHEREa-captionerdrivers.perception.settings")
    assert sorted(click.unstyle("".join(drawn.split()))) == letters


@pytest.mark.parametrize("err", [False, True])
def test_strangers_text_is_harmless_on_a_terminal_and_as_it_is_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, err: bool
) -> None:
    stream = sys.stderr if err else sys.stdout
    text = "one\r\n\ttwo \x07\x9b2J"
    said(text, err=err)
    monkeypatch.setattr(stream, "isatty", lambda: True)
    said(text, err=err)
    found = capsys.readouterr()
    steering = "\N{REPLACEMENT CHARACTER}" * 2
    shown = f"one\n        two {steering}2J"
    assert (found.err if err else found.out) == f"{text}\n{shown}\n"


def test_amounts_have_no_digits_that_nobody_reads() -> None:
    assert amounts({"tokens": 1_000_000.0, "money": 0.12345}) == "tokens=1000000  money=0.123"
    assert amounts({}) == "-"


def test_short_text_is_one_line_that_cannot_steer_a_terminal() -> None:
    assert short("one\n  two\tthree", 40) == "one two three"
    assert short("abcdef", 4) == "abc…" and short("abcd", 4) == "abcd"
    assert "\x1b" not in short("\x1b]0;owned\x07", 40)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [(5, 5, (15, 10)), (50, 5, (15, 10)), (5, 50, (10, 15)), (50, 50, (10, 10))],
)
def test_two_texts_share_a_line_and_what_one_leaves_goes_to_the_other(
    first: int, second: int, taken: tuple[int, int]
) -> None:
    for_first, for_second = halves(20, "a" * first, "b" * second)
    assert (for_first, for_second) == taken
    assert min(first, for_first) + min(second, for_second) <= 20
    assert min(halves(-3, "a" * first, "b" * second)) >= 1


def test_output_that_nobody_reads_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        with pytest.raises(BrokenPipeError):
            print("unread", flush=True)
        silence()
        print("unread", flush=True)
