from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.services.runtime.documents import DocumentError, ingest
from llmagentos.services.runtime.manifest import Documents
from llmagentos.syscalls.os import OS


class Known:
    """Knowledge that notes what it is given."""

    def __init__(self) -> None:
        self.knowledge = self
        self.taken: dict[str, tuple[bytes, bool]] = {}

    async def ingest(self, source: str, data: bytes, extract: bool) -> Any:
        unchanged = self.taken.get(source) == (data, extract)
        self.taken[source] = (data, extract)
        document = SimpleNamespace(passages=1, missing=["text in images: install tesseract"])
        return SimpleNamespace(document=document, unchanged=unchanged)


def take(folder: Path, *patterns: str, extract: bool = False) -> Known:
    known = Known()
    wanted = Documents(documents=list(patterns), extract=extract)
    asyncio.run(ingest(cast(OS, known), folder, wanted))
    return known


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agent/documents/deep").mkdir(parents=True)
    for name in ("a.txt", "b.csv", "deep/c.txt"):
        (tmp_path / "agent/documents" / name).write_text(name)
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "agent"


def test_files_beside_the_manifest_are_taken_in_by_their_paths(folder: Path) -> None:
    known = take(folder, "documents/*", "documents/a.txt", extract=True)
    assert known.taken == {
        "documents/a.txt": (b"a.txt", True),
        "documents/b.csv": (b"b.csv", True),
    }


def test_what_could_not_be_seen_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take(folder, "documents/*.csv")
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "documents/b.csv: 1 passage",
        "documents/b.csv: not seen: text in images: install tesseract",
    ]


@pytest.mark.parametrize("pattern", ["../secret.txt", "/etc/passwd", "documents/../../*", ""])
def test_pattern_that_leads_out_of_the_folder_is_refused(folder: Path, pattern: str) -> None:
    with pytest.raises(DocumentError, match="out of the agent's folder"):
        take(folder, pattern)


def test_pattern_that_fits_nothing_is_named(folder: Path) -> None:
    with pytest.raises(DocumentError, match=r"documents/\*\.pdf"):
        take(folder, "documents/*.pdf")
