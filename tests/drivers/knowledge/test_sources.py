"""Sources of other packages: their passages beside ours, and what they break, not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.knowledge.sources import Sources

from .conftest import Play

PLUGIN = """
import threading
from llmagentos.drivers.knowledge.contract import Found

asked, release = [], threading.Event()

class Atlas:
    def search(self, query, limit):
        asked.append((query, limit))
        return (Found(text=f"harbour number {n} \\ud800", source=f"page {n}") for n in range(10**9))

def fails(query, limit):
    raise RuntimeError("no sheets")

def lies(query, limit):
    return [{"text": "no record"}]

def hangs(query, limit):
    release.wait()

def exits(query, limit):
    raise SystemExit(3)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a package with sources, most of them broken."""
    site = tmp_path / "site"
    about = site / "strange_sources-1.dist-info"
    about.mkdir(parents=True)
    (site / "strange_sources.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-sources\nVersion: 1\n")
    points = ["atlas = strange_sources:Atlas", "missing = strange_sources:nothing"]
    points += [f"{name} = strange_sources:{name}" for name in ("fails", "lies", "hangs", "exits")]
    (about / "entry_points.txt").write_text("\n".join(["[llmagentos.knowledge]", *points]))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(__import__("sys").modules, "strange_sources", raising=False)
    import strange_sources  # type: ignore[import-not-found]

    yield strange_sources
    strange_sources.release.set()


def test_a_sources_passages_stand_beside_ours_and_broken_ones_are_named(
    play: Play, plugin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        knowledge._sources = Sources(seconds=0.5)
        await knowledge.ingest("n.txt", b"the harbour")
        found = await knowledge.search("harbour", limit=4)
        assert plugin.asked == [("harbour", 4)]
        assert {one.document for one in found} == {
            "n.txt", "atlas: page 0", "atlas: page 1", "atlas: page 2",
        }  # fmt: skip
        assert found[1].text == "harbour number 0 ?" and found[1].untrusted
        said = capsys.readouterr().err
        for name, why in (
            ("fails", "RuntimeError: no sheets"), ("lies", "returns Found, not dict"),
            ("hangs", "no answer within 0.5 s"), ("exits", "SystemExit"),
            ("missing", "AttributeError"),
        ):  # fmt: skip
            assert f"the source {name} " in said and why in said
        await knowledge.search("harbour")
        assert "hangs (strange_sources:hangs) is left out: it has not come back" in (
            capsys.readouterr().err
        )
        (alone,) = await knowledge.search("harbour", method="words")
        assert alone.document == "n.txt" and len(plugin.asked) == 2

    play(scene)
