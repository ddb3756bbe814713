"""An agent's folder, from which no path leads out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos.drivers.tools import folder
from llmagentos.drivers.tools.contract import Failure

OUTSIDE = "the path lies outside the agent's folder"
PARTS = st.sampled_from(["..", ".", "", "a", "b", "out", "home", "secret", "~", "\0", "/", "proc"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home beside a secret, with links that lead to it."""
    (tmp_path / "secret").write_text("secret")
    home = tmp_path / "home"
    home.mkdir()
    (home / "out").symlink_to(tmp_path)
    (home / "link").symlink_to(tmp_path / "secret")
    return home


def test_what_is_written_is_read_and_listed(home: Path) -> None:
    for path in ("b.txt", "a/deep/c.txt", ".hidden/d", "ü ñ"):
        folder.write(home, path, f"text of {path}\n")
    folder.write(home, "b.txt", "new")
    assert folder.read(home, "b.txt") == "new"
    assert folder.read(home, "./a//deep/c.txt") == "text of a/deep/c.txt\n"
    assert {".hidden/d", "a/deep/c.txt", "b.txt", "ü ñ"} <= set(folder.names(home))
    assert folder.names(home) == sorted(folder.names(home))


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "/etc/passwd", "link", "out/secret", "..", ".", "/", "a\0b",
     "\ud800", "/proc/self/root/etc/passwd", "out/home/x"],
)  # fmt: skip
def test_no_path_leads_out(home: Path, path: str) -> None:
    for use in (lambda: folder.read(home, path), lambda: folder.write(home, path, "mine")):
        with pytest.raises(Failure, match=OUTSIDE):
            use()
    assert (home.parent / "secret").read_text() == "secret"


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(PARTS, min_size=1, max_size=6).map("/".join) | st.text(max_size=30))
def test_no_path_at_all_touches_what_is_outside(home: Path, path: str) -> None:
    try:
        assert folder.read(home, path) != "secret"
        folder.write(home, path, "mine")
    except Failure:
        pass
    assert sorted(os.listdir(home.parent)) == ["home", "secret"]
    assert (home.parent / "secret").read_text() == "secret"


def test_what_is_missing_is_none_and_what_is_no_text_is_said(home: Path) -> None:
    (home / "binary").write_bytes(b"\xff\xfe\x00")
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    for path in ("nothing", "nothing/below", "binary/below"):
        assert folder.read(home, path) is None
    for path in ("binary", "folder", "pipe"):
        with pytest.raises(Failure, match=r"^not a text file$"):
            folder.read(home, path)
    with pytest.raises(Failure, match="binary is not a folder"):
        folder.write(home, "binary/below", "x")


def test_files_have_a_size_and_a_listing_an_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure, match="more than"):
        folder.write(home, "big", "x" * (folder.SIZE + 1))
    (home / "big").write_bytes(b"x" * (folder.SIZE + 1))
    with pytest.raises(Failure, match="more than"):
        folder.read(home, "big")
    for name in ("a", "b", "c"):
        (home / name).touch()
    monkeypatch.setattr(folder, "FILES", 2)
    assert folder.names(home)[-1] == "…" and len(folder.names(home)) == 3


def test_a_listing_looks_at_so_many_entries_and_no_deeper(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = home.joinpath(*"d" * (folder.DEPTH + 1))
    deep.mkdir(parents=True)
    (deep / "too deep").touch()
    (deep.parent / "f").touch()
    assert folder.names(home) == ["d/" * folder.DEPTH + "f"]
    for number in range(30):
        (home / "wide" / str(number)).mkdir(parents=True)
    monkeypatch.setattr(folder, "VISITED", 20)
    assert folder.names(home)[-1] == "…"


def test_links_and_pipes_are_no_files_and_lead_nowhere(home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "closed").mkdir(mode=0o000)
    (home / "file").touch()
    assert folder.names(home) == ["file"]
    open_files = len(os.listdir("/proc/self/fd"))
    folder.names(home)
    assert len(os.listdir("/proc/self/fd")) == open_files
