"""The memory driver: callers apart, the two searches fused, and a file that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from llmagentos.drivers.index.file import open_file, rows
from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.drivers.memory.stores import Stores
from llmagentos.syscalls.errors import InputOutputError, InvalidArgument, NotFound, TooBig
from llmagentos.syscalls.server import Caller, serving

from .conftest import play

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]
ALICE = Caller(pid=1, principal="alice", call=1)
ALICE_TOO = Caller(pid=2, principal="alice", call=2)
BOB = Caller(pid=3, principal="bob", call=3)


def test_principals_never_see_each_other(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.put("k", "secret", vector=[1.0, 0.0])
        with serving(BOB):
            with pytest.raises(NotFound, match="'k'"):
                await memory.get("k")
            assert await memory.ls() == [] and not await memory.delete("k")
            assert await memory.search("secret", vector=[1.0, 0.0]) == []
            await memory.put("k", "bob's", vector=[1.0, 0.0, 0.0])
        assert (await memory.get("k")).value == "secret"

    play(opened, scene)


def test_user_is_shared_by_a_principal_and_own_is_not(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.put("shared", 1)
        await memory.put("private", 2, "own")
        with serving(ALICE_TOO):
            assert (await memory.get("shared")).value == 1
            with pytest.raises(NotFound):
                await memory.get("private", "own")
        assert [item.key for item in await memory.ls(namespace="own")] == ["private"]

    play(opened, scene)


def test_an_item_that_is_second_in_both_searches_comes_first(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.put("words", "red red red")
        await memory.put("near", "blue", vector=[1.0, 0.0])
        await memory.put("both", "red and more words that dilute it", vector=[1.0, 0.2])
        hits = await memory.search("red", limit=1, vector=[1.0, 0.0])
        assert [hit.key for hit in hits] == ["both"]
        assert [hit.key for hit in await memory.search("red", limit=1)] == ["words"]
        assert [hit.key for hit in await memory.search(limit=1, vector=[1.0, 0.0])] == ["near"]
        assert await memory.search() == []

    play(opened, scene)


def test_of_many_large_items_few_can_be_asked_for(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(12):
            await memory.put(f"k{number:02}", "red " * 250_000, vector=[1.0, float(number)])
        hits = await memory.search("red", limit=2, vector=[1.0, 0.0])
        assert len(hits) == 2 and len(hits[0].value) == 1_000_000
        for ask in (memory.ls(), memory.search("red", limit=20, vector=[1.0, 0.0])):
            with pytest.raises(TooBig, match="ask for fewer"):
                await ask

    play(opened, scene)


def test_a_limit_has_bounds(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for limit in (0, -1, 10_001):
            with pytest.raises(InvalidArgument, match="limit"):
                await memory.ls(limit=limit)

    play(opened, scene)


def test_calls_at_once_all_come_through(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await asyncio.gather(*(memory.put(f"k{n:03}", n) for n in range(100)))
        assert [item.value for item in await memory.ls("k")] == list(range(100))

    play(opened, scene)


def test_items_outlive_the_process(opened: Opened) -> None:
    async def write(memory: MemoryDriver) -> None:
        await memory.put("k", {"a": [1, None]})

    async def read(memory: MemoryDriver) -> None:
        assert (await memory.get("k")).value == {"a": [1, None]}

    play(opened, write)
    play(opened, read)


def test_a_full_disk_names_the_file_and_later_calls_go_on(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.put("k", "before")
        base = memory._stores.base
        await memory._do(lambda: base.execute("PRAGMA max_page_count = 20").fetchall())
        with pytest.raises(InputOutputError, match=r"memory\.db.*full"):
            await memory.put("big", "x" * 500_000)
        assert (await memory.get("k")).value == "before"
        await memory._do(lambda: base.execute("PRAGMA max_page_count = 100000").fetchall())
        await memory.put("big", "x" * 500_000)
        assert [item.key for item in await memory.ls()] == ["big", "k"]

    play(opened, scene)


def test_a_file_that_is_no_database_is_kept_aside_and_said_so(
    opened: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "memory.db").write_bytes(b"no database" * 1000)
    (tmp_path / "memory.db-wal").write_bytes(b"its log")
    (tmp_path / "memory.db.corrupt-2").write_bytes(b"an earlier one")

    async def scene(memory: MemoryDriver) -> None:
        await memory.put("k", 1)

    play(opened, scene)
    assert (tmp_path / "memory.db.corrupt-1").read_bytes() == b"no database" * 1000
    assert (tmp_path / "memory.db.corrupt-2").read_bytes() == b"an earlier one"
    said = capsys.readouterr().err
    assert "memory.db" in said and "corrupt-1" in said
    (tmp_path / "memory.db").write_bytes(b"again" * 1000)
    play(opened, scene)
    assert (tmp_path / "memory.db.corrupt-3").exists()


def test_a_damaged_page_fails_its_own_calls_alone(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = open_file(path, Stores)
    for number in range(50):
        store.items.put("user/alice", f"k{number:02}", "x" * 5000, None)
    store.items.rank("user/alice", "x", None, 1)
    ((root,),) = rows(store.base, "SELECT rootpage FROM sqlite_schema WHERE name = 'item'")
    store.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    async def scene(memory: MemoryDriver) -> None:
        with pytest.raises(InputOutputError, match=r"memory\.db"):
            await memory.get("k00")
        assert await memory.search("nothing such") == []

    play(opened, scene)


def test_a_folder_in_the_place_of_the_file_is_an_input_output_error(
    opened: Opened, tmp_path: Path
) -> None:
    (tmp_path / "memory.db").mkdir()

    async def scene(memory: MemoryDriver) -> None:
        raise AssertionError("it was opened")

    with pytest.raises(InputOutputError, match=r"memory\.db"):
        play(opened, scene)
