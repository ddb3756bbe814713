"""The daemon's folders are its owner's alone, and no process number is given twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmagentos.kernel.paths import Paths, PidSequence, rewrite
from llmagentos.syscalls.errors import InputOutputError


def test_folders_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    paths = Paths(state=tmp_path / "a/state", runtime=tmp_path / "b/run")
    paths.make()
    paths.make()
    for folder in (paths.state, paths.runtime, paths.homes, paths.logs, paths.journal):
        assert folder.is_dir() and folder.stat().st_mode & 0o777 == 0o700


def test_everything_lies_within_its_folder(tmp_path: Path) -> None:
    paths = Paths(state=tmp_path / "state", runtime=tmp_path / "run")
    lasting = (
        paths.tokens, paths.pids, paths.log(7), paths.home("ada", "clerk"),
        paths.of_plugin("driver", "memory"),
    )  # fmt: skip
    assert all(path.is_relative_to(paths.state) for path in lasting)
    assert len(set(lasting)) == len(lasting)
    assert paths.socket.parent == paths.lock.parent == paths.runtime


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputOutputError, match="file/state cannot be made"):
        Paths(state=tmp_path / "file/state", runtime=tmp_path).make()


def test_path_that_no_socket_address_holds_is_refused(tmp_path: Path) -> None:
    room = 107 - len(os.fsencode(tmp_path / "x" / "kernel.sock")) + 1
    Paths(state=tmp_path / "state", runtime=tmp_path / ("x" * room)).make()
    with pytest.raises(InputOutputError, match="too long"):
        Paths(state=tmp_path / "state", runtime=tmp_path / ("x" * (room + 1))).make()


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "last_pid"
    first = PidSequence(path)
    assert [first() for _ in range(3)] == [1, 2, 3]
    assert [PidSequence(path)(), PidSequence(path)()] == [4, 5]


@pytest.mark.parametrize("content", [b"", b"seven", b"1.5", b"\xff\xfe", b"7 8"])
def test_file_without_a_number_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last_pid"
    path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"last_pid holds no process number"):
        PidSequence(path)
    assert path.read_bytes() == content


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError):
        PidSequence(tmp_path)


def test_disk_without_room_stops_nobody_and_the_number_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "state/last_pid"
    sequence = PidSequence(path)
    assert [sequence(), sequence()] == [1, 2]
    path.parent.mkdir()
    assert sequence() == 3
    assert PidSequence(path)() == 4


def test_file_takes_the_place_of_another_once_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens.json"
    said: list[tuple[str, str]] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        said.append((path.read_text(), path.with_suffix(".new").read_text()))

    monkeypatch.setattr(os, "fsync", synced)
    rewrite(path, "old")
    rewrite(path, "new", sync=True)
    assert said == [("old", "new")] and path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [path]
