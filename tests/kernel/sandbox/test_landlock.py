"""Under Landlock a process reads and writes what it was granted and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Attempt

RESTRICT = """
folder = Path(sys.argv[1])
readable, writable = folder / "readable", folder / "writable"
prctl(PR_SET_NO_NEW_PRIVS, 1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("readable", "writable", "private"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return tmp_path


def test_only_what_is_granted_can_be_read_and_written(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "landlock.restrict([readable], [writable, Path('/dev/null')])\n"
        "attempt((readable / 'file').read_text)\n"
        "attempt(os.listdir, readable)\n"
        "attempt((readable / 'file').write_text, 'x')\n"
        "attempt((readable / 'new').write_text, 'x')\n"
        "attempt((readable / 'file').unlink)\n"
        "attempt(os.truncate, readable / 'file', 0)\n"
        "attempt((writable / 'file').write_text, 'x')\n"
        "attempt((writable / 'folder').mkdir)\n"
        "attempt((writable / 'folder/new').write_text, 'x')\n"
        "attempt((writable / 'folder/new').rename, writable / 'moved')\n"
        "attempt((writable / 'moved').unlink)\n"
        "attempt(Path('/dev/null').write_text, 'x')\n"
        "attempt((folder / 'private/file').read_text)\n"
        "attempt((folder / 'private/file').write_text, 'x')\n"
        "attempt((folder / 'private/file').unlink)\n"
        "attempt(os.listdir, folder)\n"
        "attempt(os.listdir, '/')\n",
        folder,
    )
    no = "PermissionError"
    assert said == ["done", "done", *[no] * 4, *["done"] * 6, *[no] * 5]
    assert (folder / "private/file").read_text() == "private"


def test_single_file_can_be_granted_without_its_folder(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "landlock.restrict([readable / 'file'], [])\n"
        "attempt((readable / 'file').read_text)\n"
        "attempt(os.listdir, readable)\n",
        folder,
    )
    assert said == ["done", "PermissionError"]


def test_what_does_not_exist_needs_no_grant(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "landlock.restrict([folder / 'nowhere', readable], [folder / 'nor here'])\n"
        "attempt((readable / 'file').read_text)\n"
        "attempt((folder / 'nor here').mkdir)\n",
        folder,
    )
    assert said == ["done", "PermissionError"]


def test_way_out_by_a_link_is_shut(attempt: Attempt, folder: Path) -> None:
    (folder / "writable/link").symlink_to(folder / "private/file")
    said = attempt(
        RESTRICT + "landlock.restrict([], [writable])\n"
        "attempt((writable / 'link').read_text)\n"
        "attempt((writable / '../private/file').read_text)\n"
        "attempt(os.link, folder / 'private/file', writable / 'hard')\n"
        "attempt(os.rename, folder / 'private/file', writable / 'moved')\n",
        folder,
    )
    assert set(said) <= {"PermissionError", "OSError"} and len(said) == 4


def test_children_are_held_too_and_none_can_widen_it(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "landlock.restrict([readable], [])\n"
        "landlock.restrict([readable, folder / 'private'], [writable])\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "attempt((folder / 'private/file').read_text)\n"
        "attempt((readable / 'file').read_text)\n"
        "sys.stdout.flush()\n",
        folder,
    )
    assert said == ["PermissionError", "done"] * 2


@pytest.mark.usefixtures("x86_64")
def test_machine_without_landlock_says_so(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "without(444)\n"
        "attempt(landlock.restrict, [readable], [])\n"
        "attempt((folder / 'private/file').read_text)\n",
        folder,
    )
    assert said == ["PermissionError", "done"]


def test_nothing_stays_open_behind_it(attempt: Attempt, folder: Path) -> None:
    said = attempt(
        RESTRICT + "before = os.dup(0); os.close(before)\n"
        "landlock.restrict([readable], [writable])\n"
        "after = os.dup(0)\n"
        "print(after == before)\n",
        folder,
    )
    assert said == ["True"]


@pytest.mark.parametrize("way", ["folder/bent", "folder/bent/file", "folder/bent/inner"])
def test_grant_whose_way_has_become_a_link_is_none(
    attempt: Attempt, folder: Path, way: str
) -> None:
    """Whoever may write where a program lies could lead the grant of its folder elsewhere."""
    (folder / "private/inner").mkdir()
    (folder / "bent").symlink_to(folder / "private")
    said = attempt(
        RESTRICT + f"landlock.restrict([folder.parent / folder.name / '{way[7:]}'], [writable])\n"
        "attempt((folder / 'private/file').read_text)\n"
        "attempt(os.listdir, folder / 'private')\n"
        "attempt(os.listdir, folder / 'private/inner')\n"
        "attempt((writable / 'file').write_text, 'x')\n",
        folder,
    )
    assert said == [*["PermissionError"] * 3, "done"]
