"""One sync serves all that wait, in their order, and a disk that refuses is reported."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from llmagentos.kernel.journal.commit import Commit
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.kernel.journal.writer import JournalWriter


def record(number: int) -> Record:
    return Record(kind=Kind.CALL, time=1.0, pid=1, number=number, body=bytes(100))


def test_many_that_wait_are_served_in_order_by_few_syncs(tmp_path: Path) -> None:
    async def scene() -> tuple[list[int], Commit]:
        # A file for every few records: full ones are synced as well.
        journal = JournalWriter(tmp_path, segment=500)
        commit, served, last = Commit(journal), list[int](), asyncio.Event()

        def waiter(number: int) -> None:
            journal.append(record(number))
            commit.after(lambda failure: done(number, failure))

        def done(number: int, failure: str | None) -> None:
            assert failure is None
            served.append(number)
            if number % 10 == 9 and number < 99:
                for more in range(number + 1, number + 11):
                    waiter(more)
            if number == 99:
                last.set()

        for number in range(10):
            waiter(number)
        await last.wait()
        commit.close()
        journal.close()
        return served, commit

    served, commit = asyncio.run(scene())
    assert served == list(range(100))
    assert commit.served == 100 and commit.syncs <= 20


def test_what_the_disk_refuses_is_said_to_all_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def scene(folder: Path) -> str | None:
        journal = JournalWriter(folder)
        commit, told = Commit(journal), asyncio.get_running_loop().create_future()
        journal.append(record(1))
        commit.after(told.set_result)
        failure: str | None = await told
        commit.close()
        journal.close()
        return failure

    missing = asyncio.run(scene(tmp_path / "missing"))
    assert missing is not None and "No such file" in missing
    monkeypatch.setattr(os, "fdatasync", refuse)
    refused = asyncio.run(scene(tmp_path))
    assert refused == "the journal cannot be synced: Input/output error"


@pytest.mark.parametrize("call", ["dup", "open"])
def test_without_descriptors_nobody_waits_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def scene() -> list[str | None]:
        journal = JournalWriter(tmp_path)
        commit, loop = Commit(journal), asyncio.get_running_loop()
        journal.append(record(1))
        journal.flush()
        said = []
        for refused in (True, False):
            told: asyncio.Future[str | None] = loop.create_future()
            with monkeypatch.context() as patch:
                if refused:
                    patch.setattr(os, call, refuse)
                commit.after(told.set_result)
                async with asyncio.timeout(60):
                    said.append(await told)
        commit.close()
        journal.close()
        return said

    assert asyncio.run(scene()) == ["the journal cannot be synced: Too many open files", None]
