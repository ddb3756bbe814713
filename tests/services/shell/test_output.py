from __future__ import annotations

import json
import os
import sys

import pytest

from llmagentos.services.shell.output import ago, counted, plain, show_json, silence, size, table
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


def test_output_that_nobody_reads_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        with pytest.raises(BrokenPipeError):
            print("unread", flush=True)
        silence()
        print("unread", flush=True)
