"""What a command line means that is to run elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .conftest import Aos


class Process:
    """Starts nothing, and knows what was to be started."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = {}

    async def spawn(self, **order: Any) -> int:
        self.order = order
        return 7


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(Path("/bin/sh").resolve())
    (tmp_path / "agent.py").touch()
    monkeypatch.chdir(tmp_path)
    return Process()


def run(aos: Aos, process: Process, *arguments: str) -> list[str]:
    done = aos("run", "-d", *arguments, system=SimpleNamespace(process=process))
    assert (done.code, done.out) == (0, "7\n"), done.err
    return [process.order["program"], *process.order["arguments"]]


def test_command_and_the_files_that_it_names_are_named_in_full(
    aos: Aos, process: Process, tmp_path: Path
) -> None:
    shell = str(shutil.which("sh"))
    script = str(tmp_path / "agent.py")
    assert run(aos, process, "--", "sh", "agent.py", "-v") == ["-", shell, script, "-v"]
    assert run(aos, process, "--", "no-such-command", "x") == ["-", "no-such-command", "x"]


def test_command_of_a_virtual_environment_stays_where_it_is(
    aos: Aos, process: Process, tmp_path: Path
) -> None:
    python = str(tmp_path / "venv/bin/python")
    for named in ("venv/bin/python", python):
        assert run(aos, process, "--", named, "-V") == ["-", python, "-V"]


def test_shim_is_asked_what_it_stands_for(
    aos: Aos, process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".anyenv/shims").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for path, text in {
        ".anyenv/shims/known": "exit 1",
        ".anyenv/shims/unknown": "exit 1",
        "bin/anyenv": '[ "$1 $2" = "which known" ] && echo /opt/known',
    }.items():
        (tmp_path / path).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / path).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/.anyenv/shims:{tmp_path}/bin:/usr/bin:/bin")
    assert run(aos, process, "--", "known", "-V") == ["-", "/opt/known", "-V"]
    shim = str(tmp_path / ".anyenv/shims/unknown")
    assert run(aos, process, "--", "unknown") == ["-", shim]


def test_agents_are_told_from_commands(aos: Aos, process: Process, tmp_path: Path) -> None:
    assert run(aos, process, "agent.py", "x") == [str(tmp_path / "agent.py"), "x"]
    assert run(aos, process, "package:main") == ["package:main"]
    done = aos("run", "--", "./nothing/here")
    assert done.code == 1 and "no program ./nothing/here" in done.err
