"""What a command line means that is to run elsewhere, and how its calls are shown."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from llmagentos.services.shell.commands.run import show
from llmagentos.syscalls.process import Traced

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


def test_what_can_not_be_run_is_refused_before_a_process_begins(
    aos: Aos, process: Process, tmp_path: Path
) -> None:
    (tmp_path / "notes.md").touch()
    (tmp_path / "folder").mkdir()
    for named in ("notes.md", "folder", "./notes.md"):
        done = aos("run", named, system=SimpleNamespace(process=process))
        assert (done.code, process.order) == (1, {})
        assert done.err == f"aos: {named} is neither a .py or .toml file nor an executable\n"


def traced(outcome: str, result: Any) -> Traced:
    return Traced(
        pid=7,
        syscall="knowledge.ingest",
        arguments={"source": "s" * 90},
        outcome=outcome,
        result=result,
        seconds=0.1,
    )


def test_trace_takes_one_line_of_a_terminal_and_an_error_is_told_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    show(traced("ok", {"text": "t" * 300}))
    line = click.unstyle(capsys.readouterr().err).rstrip("\n")
    assert len(line) == 80 and line.endswith("…  100.0 ms")
    show(traced("EPERM", "why " * 60))
    assert "why " * 60 in capsys.readouterr().err


def test_trace_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for one in (traced("ok", {"text": "\x1b]0;owned\x07"}), traced("EIO", "\x9b2J")):
        show(one)
    said = capsys.readouterr().err
    assert "owned" in said and not set("\x07\x9b") & set(said) and "\x1b]" not in said
