"""The file: what fails in it is said, what is damaged is put aside; an idle driver is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from llmagentos.drivers.knowledge.database import Database
from llmagentos.syscalls.errors import InputOutputError, TooBig

from .conftest import Play
from .graphs import base_of, told


def test_what_was_told_outlives_the_process(play: Play) -> None:
    async def write(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"the harbour")
        await knowledge.tell([{"subject": "Ann", "relation": "knows", "object": "Bo"}])

    async def read(knowledge: Any, system: Any) -> None:
        assert len(await knowledge.search("harbour")) == 1
        assert len(await knowledge.ask("Ann knows ?who")) == 1
        assert (await knowledge.ingest("n.txt", b"the harbour")).unchanged

    play(write)
    play(read)


def test_a_file_that_is_no_database_is_put_aside_and_said_so(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "knowledge.db").write_bytes(b"no database" * 1000)

    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.tell([{"subject": "Ann", "relation": "knows", "object": "Bo"}])

    play(scene)
    assert (tmp_path / "knowledge.db.corrupt-1").read_bytes() == b"no database" * 1000
    assert "knowledge.db" in capsys.readouterr().err


def test_a_full_disk_names_the_file_and_leaves_all_as_it_was(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"the harbour")
        rows = knowledge._base.rows
        await knowledge._do(lambda: rows("PRAGMA max_page_count = 60"))
        with pytest.raises(InputOutputError, match=r"knowledge\.db.*full"):
            await knowledge.ingest("n.txt", b"word " * 200_000)
        with pytest.raises(InputOutputError, match="full"):
            claims = [{"subject": f"a{n}" * 50, "relation": "r", "object": n} for n in range(5000)]
            await knowledge.tell(claims)
        await knowledge._do(lambda: rows("PRAGMA max_page_count = 100000"))
        (document,) = await knowledge.documents()
        assert document.passages == 1 and await knowledge.ask("?s ?r ?o") == []
        assert len(await knowledge.search("harbour")) == 1

    play(scene)


def test_all_statements_of_a_question_share_its_bound() -> None:
    base, _ = base_of(told([(f"a{n}", "knows", f"b{n}") for n in range(200)]))
    costly = "SELECT count(*) FROM fact a, fact b"
    with base.bounded(steps=2_000_000, seconds=60):
        base.rows(costly)
    with pytest.raises(TooBig, match="takes too long"), base.bounded(steps=2_000_000, seconds=60):
        for _ in range(100):
            base.rows(costly)
    with pytest.raises(TooBig), base.bounded(seconds=0):
        base.rows("SELECT count(*) FROM fact a, fact b, fact c")
    assert base.rows(costly) == [(40_000,)]


def test_the_planner_learns_how_much_there_is() -> None:
    base, _ = base_of(told([("ann", "knows", "bo")]))
    base.settle()
    assert base.rows("SELECT name FROM sqlite_schema WHERE name = 'sqlite_stat1'") == []
    base, _ = base_of(told([(f"a{n}", "knows", f"b{n}") for n in range(1000)]))
    base.settle()
    assert base.rows("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'fact'") != [(0,)]


def test_a_namespace_has_one_number() -> None:
    base = Database(apsw.Connection(":memory:"))
    assert base.scope("user/alice") == base.scope("user/alice") != base.scope("user/bob")


def test_an_idle_driver_loads_no_heavy_library() -> None:
    script = (
        "import sys, llmagentos.drivers.knowledge.driver\n"
        "print([one for one in ('torch', 'networkx', 'pypdf', 'transformers', 'mcp')"
        " if one in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr
