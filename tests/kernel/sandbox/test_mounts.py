"""Behind sealed mounts nothing changes but what was left open, by whatever call."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Attempt

SEAL = """
from llmagentos.kernel.sandbox import canary, mounts
folder = Path(sys.argv[1])
try:
    mounts.seal([str(folder / "open"), str(folder / "missing")])
except OSError:
    print("unavailable")
    sys.exit()
attempt(lambda: None if canary.mounts() else 1 / 0)
"""
#: What changes a file by its path.
CHANGES = """
for place in ("open", "shut"):
    file = folder / place / "file"
    attempt(file.chmod, 0o600)
    attempt(os.utime, file, (1, 1))
    attempt(os.chown, file, -1, -1)
    attempt(file.write_text, "x")
    attempt(file.with_name("new").write_text, "x")
    attempt(file.read_text)
"""


def test_only_open_folders_are_changed_and_all_are_read(attempt: Attempt, tmp_path: Path) -> None:
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    said = attempt(SEAL + CHANGES, tmp_path)
    if said == ["unavailable"]:
        pytest.skip("this machine gives nobody mounts of their own")
    assert said == ["done", *["done"] * 6, *["OSError"] * 5, "done"]
    # Nobody else is told.
    (tmp_path / "shut/file").chmod(0o644)


def test_canary_says_when_nothing_is_sealed(attempt: Attempt) -> None:
    assert attempt("from llmagentos.kernel.sandbox import canary\nprint(canary.mounts())\n") == [
        "False"
    ]
