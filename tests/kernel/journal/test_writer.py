"""What is appended is found again, and a disk that refuses leaves no half record behind."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from llmagentos.kernel.journal.reader import Damage, read
from llmagentos.kernel.journal.record import Kind, Record, encode
from llmagentos.kernel.journal.writer import GAP, RETRY, JournalWriter, segments


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(seq: int, size: int = 50) -> Record:
    return Record(kind=Kind.CALL, time=float(seq), pid=1, seq=seq, body=bytes(size))


def sequence(folder: Path) -> list[int]:
    return [one.seq for one in read(folder)]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that is full for this process: the kernel cuts a write short, then refuses."""
    old, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (old, hard))


def test_turns_records_are_written_at_once_and_only_by_a_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(len(data)) or write(fd, data))
    journal = JournalWriter(tmp_path)
    assert [journal.append(record(seq)) for seq in range(3)] == [True, False, False]
    assert sequence(tmp_path) == [] and not writes
    journal.flush()
    journal.flush()
    assert len(writes) == 1 and sequence(tmp_path) == [0, 1, 2]
    assert journal.append(record(3))
    journal.close()
    assert sequence(tmp_path) == [0, 1, 2, 3] and journal.lost == 0


def test_full_file_is_followed_by_another_and_order_stays(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, segment=300)
    for seq in range(20):
        journal.append(record(seq))
        journal.flush()
    journal.close()
    assert len(segments(tmp_path)) > 3 and sequence(tmp_path) == list(range(20))


def test_new_writer_never_appends_to_what_another_left(tmp_path: Path) -> None:
    for seq in range(3):
        journal = JournalWriter(tmp_path)
        journal.append(record(seq))
        journal.close()
        with segments(tmp_path)[-1].open("ab") as torn:
            torn.write(encode(record(99))[:-1])
    damage: list[Damage] = []
    assert [one.seq for one in read(tmp_path, damage.append)] == [0, 1, 2] == sequence(tmp_path)
    assert [one.torn for one in damage] == [True] * 3


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    journal = JournalWriter(tmp_path)
    for seq in range(5):
        journal.append(record(seq))
    journal.close()
    assert sequence(tmp_path) == [0, 1, 2, 3, 4]


def test_full_disk_is_told_and_the_backlog_is_bounded(tmp_path: Path) -> None:
    clock = Clock()
    journal = JournalWriter(tmp_path, backlog=1000, clock=clock)
    (tmp_path / "00000001.log").symlink_to("/dev/full")
    journal.append(record(0))
    journal.flush()
    assert not journal.healthy and "No space left" in str(journal.failure)
    for seq in range(1, 100):
        journal.append(record(seq))
    assert sum(len(encoded) for encoded, _ in journal._pending) <= 1000
    assert journal.lost == 100 - len(journal._pending)
    clock.now += RETRY
    journal.flush()
    assert not journal.healthy
    journal.close()
    assert journal.lost == 100


def test_disk_that_fills_up_within_a_record_is_cut_back_and_heals(tmp_path: Path) -> None:
    clock, size = Clock(), len(encode(record(0)))
    journal = JournalWriter(tmp_path, clock=clock)
    for seq in range(5):
        journal.append(record(seq))
    with largest_file(2 * size + size // 2):
        journal.flush()
    (file,) = segments(tmp_path)
    assert not journal.healthy and file.stat().st_size == 2 * size
    assert sequence(tmp_path) == [0, 1]
    journal.append(record(5))
    journal.flush()
    assert sequence(tmp_path) == [0, 1]  # it tries again once a second only
    clock.now += RETRY
    assert journal.append(record(6))  # and says when
    journal.flush()
    assert journal.healthy and sequence(tmp_path) == list(range(7)) and journal.lost == 0
    assert segments(tmp_path) == [file]


def test_lost_records_leave_a_mark_where_they_would_stand(tmp_path: Path) -> None:
    clock, size = Clock(), len(encode(record(0)))
    journal = JournalWriter(tmp_path, backlog=2 * size, clock=clock)
    with largest_file(0):
        journal.append(record(0))
        journal.flush()
        for seq in range(1, 5):
            journal.append(record(seq))
    clock.now += RETRY
    journal.flush()
    assert [one.outcome for one in read(tmp_path)] == ["", "", GAP]
    journal.append(record(5))
    journal.close()
    found = list(read(tmp_path))
    assert [one.seq for one in found if one.kind is Kind.CALL] == [0, 1, 5]
    assert (found[2].kind, found[2].outcome, found[2].time) == (Kind.MARK, GAP, 2.0)
    assert msgpack.unpackb(found[2].body) == journal.lost == 3


def test_half_record_that_cannot_be_cut_ends_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "broken")

    clock, size, left = Clock(), len(encode(record(0))), list[int]()
    journal = JournalWriter(tmp_path, clock=clock)
    journal.on_full = left.append
    for seq in range(3):
        journal.append(record(seq))
    monkeypatch.setattr(os, "ftruncate", refuse)
    with largest_file(size + 9):
        journal.flush()
    # What is whole in it is still to reach the disk.
    assert [os.fstat(file).st_size for file in left] == [size + 9]
    os.close(left[0])
    journal.on_full = os.close
    clock.now += RETRY
    journal.flush()
    journal.close()
    assert [one.stat().st_size for one in segments(tmp_path)] == [size + 9, 2 * size]
    assert sequence(tmp_path) == [0, 1, 2]


def test_folder_that_is_missing_is_a_failure_that_heals(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "journal"
    journal = JournalWriter(folder, clock=clock)
    journal.append(record(0))
    journal.flush()
    assert "No such file" in str(journal.failure)
    folder.mkdir()
    clock.now += RETRY
    journal.flush()
    journal.close()
    assert sequence(folder) == [0] and [one.name for one in segments(folder)] == ["00000001.log"]
