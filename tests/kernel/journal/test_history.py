"""A process's past is read from where it stands in the journal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel.journal import history as history_module
from llmagentos.kernel.journal import places as places_module
from llmagentos.kernel.journal.history import History
from llmagentos.kernel.journal.places import Places
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.kernel.journal.writer import JournalWriter, segments
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.process import RESULT, Past


def record(pid: int, number: int, **fields: Any) -> Record:
    return Record(
        **{
            "kind": Kind.CALL,
            "time": 5.0,
            "pid": pid,
            "syscall": "memory.get",
            "outcome": "ok",
            "body": pack(number),
            "arguments": pack({"key": number}),
            **fields,
        }
    )


def past(
    journal: JournalWriter, pid: int, after: int = 0, limit: int = 1000, whole: bool = False
) -> list[Past]:
    made = History(journal.folder, journal.places, journal.flush)
    return asyncio.run(made.read(pid, after, limit, whole))


def test_past_is_found_among_others_and_over_several_files(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, segment=300)
    for number in range(1, 31):
        journal.append(record(7, number))
        journal.append(record(8, -number))
        journal.append(record(7, 0, kind=Kind.INTENT))
        journal.flush()
    assert len(segments(tmp_path)) > 3
    found = past(journal, 7)
    assert [(one.seq, one.result, one.arguments) for one in found] == [
        (number, number, {"key": number}) for number in range(1, 31)
    ]
    assert [one.seq for one in past(journal, 7, after=28)] == [29, 30]
    assert [one.seq for one in past(journal, 7, after=3, limit=2)] == [4, 5]
    assert past(journal, 7, after=30) == [] == past(journal, 9)
    journal.close()


def test_what_is_not_written_yet_is_in_it(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path)
    journal.append(record(7, 1))
    assert len(past(journal, 7)) == 1
    journal.close()


def test_error_is_its_message_and_a_long_or_deep_result_its_beginning(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path)
    journal.append(record(7, 1, outcome="ENOENT", body=pack(["no such key", {}])))
    journal.append(record(7, 2, body=pack("ä" * 40_000)))
    journal.append(record(7, 3, body=b"\x91" * 1022 + b"\xc0"))
    journal.append(record(7, 4, body=b"digest", hashed=True, arguments=b"", origin=3))
    refused, long, deep, hashed = past(journal, 7)
    assert (refused.outcome, refused.result) == ("ENOENT", "no such key")
    assert long.result.startswith("ää") and len(long.result.encode()) < RESULT + 100
    assert "deep" in deep.result
    assert pack([refused, long, deep, hashed])
    assert "too long" in hashed.result and (hashed.arguments, hashed.by) == (None, 3)
    assert past(journal, 7, after=1, limit=1, whole=True)[0].result == "ä" * 40_000
    journal.close()


def test_answer_is_bounded_in_bytes_and_goes_on_after_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MOST", 1000)
    journal = JournalWriter(tmp_path)
    for number in range(20):
        journal.append(record(7, number, body=pack("x" * 300)))
    seen: list[int] = []
    while found := past(journal, 7, after=seen[-1] if seen else 0):
        assert len(found) < 5
        seen += [one.seq for one in found]
    assert seen == list(range(1, 21))
    journal.close()


def test_file_that_somebody_has_taken_away_or_damaged_is_passed_by(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, segment=1)
    for number in range(1, 4):
        journal.append(record(7, number))
        journal.flush()
    first, second, _ = segments(tmp_path)
    first.unlink()
    second.write_bytes(b"x" * second.stat().st_size)
    assert [one.seq for one in past(journal, 7)] == [3]
    journal.close()


def test_oldest_places_of_a_busy_process_are_forgotten_and_numbers_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_module, "MOST", 10)
    places = Places()
    for number in range(25):
        places.note(7, number)
    found = places.after(7, 0, 100)
    assert found[0] == (found[0][1] + 1, found[0][1]) and len(found) <= 10
    assert found[-1] == (25, 24)
    assert places.after(7, 24, 100) == [(25, 24)]


def test_processes_that_nobody_knows_any_more_take_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_module, "FIRST_LOOK", 10)
    places = Places(lambda pid: pid % 100 == 0)
    for pid in range(1000):
        places.note(pid, pid)
    assert len(places._lines) <= 40
    assert places.after(900, 0, 9) == [(1, 900)]
