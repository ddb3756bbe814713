"""Old files go, but never what a durable process needs to run again."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from llmagentos.kernel.journal import compaction as module
from llmagentos.kernel.journal.census import DURABLE, Census
from llmagentos.kernel.journal.compaction import Compaction, check, compact
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.kernel.journal.writer import JournalWriter, segments


def write(folder: Path, *records: Record, segment: int = 1) -> JournalWriter:
    """Write records, each into a file of its own."""
    journal = JournalWriter(folder, census=Census(), segment=segment)
    for one in records:
        journal.append(one)
        journal.flush()
    journal.close()
    return journal


def record(kind: Kind, pid: int, **more: object) -> Record:
    return Record(kind=kind, time=1.0, pid=pid, **more)  # type: ignore[arg-type]


def numbers(folder: Path) -> list[int]:
    return [int(one.stem) for one in segments(folder)]


def test_files_go_by_age_and_by_size_and_the_newest_stays(tmp_path: Path) -> None:
    write(tmp_path, *(record(Kind.CALL, 1, body=bytes(1000)) for _ in range(4)))
    first = segments(tmp_path)[0]
    os.utime(first, (0.0, 0.0))
    assert compact(tmp_path, 4, since=10.0, most=10**9) == 2
    assert numbers(tmp_path) == [2, 3, 4]
    assert compact(tmp_path, 4, since=0.0, most=2 * first_size(tmp_path)) == 3
    assert compact(tmp_path, 4, since=0.0, most=0) == 4
    assert numbers(tmp_path) == [4]


def first_size(folder: Path) -> int:
    return segments(folder)[0].stat().st_size


def test_what_a_durable_process_needs_stays(tmp_path: Path) -> None:
    journal = write(
        tmp_path,
        record(Kind.START, 1),
        record(Kind.START, 2, outcome=DURABLE),
        record(Kind.CALL, 2, ask=1, outcome="ok"),
        record(Kind.EXIT, 1, outcome="0"),
    )
    census = journal.census
    assert census is not None and census.oldest() == 2
    assert compact(tmp_path, min(4, census.oldest()), since=10**12, most=0) == 2
    census.forget(2)
    assert [pid for pid, _ in census] == [2]
    census.note(record(Kind.EXIT, 2, outcome="0"), 0)
    assert census.oldest() > 4


def test_check_counts_records_damage_and_doubts(tmp_path: Path) -> None:
    write(
        tmp_path,
        record(Kind.INTENT, 1, number=1),
        record(Kind.INTENT, 1, number=2),
        record(Kind.CALL, 1, number=2, outcome="ok"),
        record(Kind.INTENT, 2, number=3, ask=1),
        record(Kind.CALL, 2, number=1, ask=1, outcome="EINDOUBT"),
        segment=10**6,
    )
    (path,) = segments(tmp_path)
    found = check(tmp_path)
    # The census is a record as well.
    assert (found.files, found.records, found.torn, found.damaged) == (1, 6, 0, 0)
    assert found.doubtful == 1 and found.first is None
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert check(tmp_path).torn == 1
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    found = check(tmp_path)
    assert found.damaged == 1 and found.first is not None and "00000001.log, byte" in found.first


def test_disk_that_lets_nothing_go_ends_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def refuse(*_: object) -> int:
        looked.set()
        raise PermissionError

    async def scene() -> None:
        async with asyncio.timeout(60), Compaction(write(tmp_path), days=0, most=0) as compaction:
            await asyncio.to_thread(looked.wait, 5)
            await asyncio.sleep(0.01)
            assert compaction._task is not None and not compaction._task.done()

    monkeypatch.setattr(module, "compact", refuse)
    asyncio.run(scene())
