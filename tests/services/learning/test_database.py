"""A file of SQLite that threads share: what fails is a typed error, and nothing is by halves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmagentos.services.learning.database import Database
from llmagentos.syscalls.errors import InputOutputError

SCHEMA = "CREATE TABLE IF NOT EXISTS one (name TEXT PRIMARY KEY, value INTEGER);"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "some.db", SCHEMA)
    yield made
    made.close()


def test_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    for name in ("some.db", "some.db.corrupt-1"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    base = Database(tmp_path / "some.db", SCHEMA)
    assert base.rows("SELECT * FROM one") == []
    base.close()
    assert (tmp_path / "some.db.corrupt-2").read_bytes() == b"some.db" * 1000
    assert (tmp_path / "some.db.corrupt-1").read_bytes().startswith(b"some.db.corrupt-1")


def test_file_that_cannot_be_opened_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match=r"nowhere/some\.db"):
        Database(tmp_path / "nowhere/some.db", SCHEMA)


def test_transaction_that_fails_leaves_nothing(base: Database) -> None:
    base.rows("INSERT INTO one VALUES ('a', 1)")
    with pytest.raises(InputOutputError, match="UNIQUE"), base.transaction():
        base.rows("UPDATE one SET value = 2")
        base.many("INSERT INTO one VALUES (?, ?)", [("b", 2), ("a", 3)])
    assert base.rows("SELECT * FROM one") == [("a", 1)]


def test_full_disk_is_a_typed_error_and_the_file_goes_on(base: Database) -> None:
    base.rows("PRAGMA max_page_count = 8")
    with pytest.raises(InputOutputError, match="full"):
        base.rows("INSERT INTO one VALUES (?, 1)", "a" * 100_000)
    base.rows("INSERT INTO one VALUES ('b', 1)")
    assert base.rows("SELECT name FROM one") == [("b",)]


def test_threads_take_turns_by_whole_transactions(base: Database) -> None:
    base.rows("INSERT INTO one VALUES ('count', 0)")

    def add(_: int) -> None:
        with base.transaction():
            [(value,)] = base.rows("SELECT value FROM one")
            base.rows("UPDATE one SET value = ?", value + 1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    assert base.rows("SELECT value FROM one") == [(200,)]
