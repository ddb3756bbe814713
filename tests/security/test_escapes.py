"""No known way leads out of a sandbox, for an agent, a foreign program, or a tool's code."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Exit, ProcessInfo

from ..integration.conftest import Daemon, write
from .conftest import ESCAPES, as_agent, as_program, as_tool

ATTEMPTS = ESCAPES.read_text().count("\n@escape\n")


@pytest.mark.parametrize("attempt", [as_agent, as_program], ids=lambda one: one.__name__)
def test_every_escape_fails(attempt: Any, daemon: Daemon, places: dict[str, Any]) -> None:
    found = attempt(daemon, places)
    assert len(found) == ATTEMPTS
    opened = {name: what for name, what in found if what.startswith("OPEN")}
    assert not opened, "\n".join(f"{name}: {what}" for name, what in opened.items())


def test_every_escape_of_a_tools_code_fails(
    daemon: Daemon, places: dict[str, Any], bubblewrap: None
) -> None:
    found = as_tool(daemon, places)
    assert len(found) == ATTEMPTS
    opened = {name: what for name, what in found if what.startswith("OPEN")}
    assert not opened, "\n".join(f"{name}: {what}" for name, what in opened.items())


@pytest.mark.parametrize("python", [True, False], ids=["agent", "program"])
def test_own_folder_is_all_of_a_process_that_it_may_change(
    daemon: Daemon, tmp_path: Path, python: bool
) -> None:
    program = write(
        tmp_path,
        "writer.py",
        "import os\n"
        "def main():\n"
        "    for folder in ('', os.environ['HOME'] + '/'):\n"
        "        with open(folder + 'file', 'w') as file: file.write('x')\n"
        "        os.chmod(folder + 'file', 0o700)\n"
        "        os.utime(folder + 'file', (1, 1))\n"
        "        os.rename(folder + 'file', folder + 'moved')\n"
        "    print('done')\n"
        "if __name__ == '__main__': main()\n",
    )

    async def work(os: OS) -> tuple[list[str], ProcessInfo]:
        if python:
            pid = await os.process.spawn(program)
        else:
            pid = await os.process.spawn("-", arguments=[sys.executable, program])
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        return lines, await os.process.inspect(pid)

    said, info = daemon.run(work)
    assert said == ["done"] and info.sandbox["mounts"] == "enforced"


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[Path]:
    """A program that notes a signal which does no harm to others."""
    noted = tmp_path / "noted"
    code = (
        "import pathlib, signal, sys\n"
        "signal.signal(signal.SIGURG, lambda *_: pathlib.Path(sys.argv[1]).touch())\n"
        "print('listens', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, noted], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None and program.stdout.readline() == b"listens\n"
        yield noted
        assert program.stdin is not None
        program.stdin.close()


def test_signal_to_everybody_reaches_nobody(
    daemon: Daemon, places: dict[str, Any], bystander: Path
) -> None:
    for attempt in (as_agent, as_program):
        assert ("signal_everybody", "sent") in attempt(daemon, places)
    assert not bystander.exists()


@pytest.mark.parametrize("python", [True, False], ids=["agent", "program"])
def test_agent_that_starts_ever_more_processes_is_ended_with_all_of_them(
    daemon: Daemon, tmp_path: Path, python: bool
) -> None:
    bomb = write(
        tmp_path,
        "bomb.py",
        "import os, sys, time\n"
        "def main(*_):\n"
        "    for _ in range(3000):\n"
        "        try: child = os.fork()\n"
        "        except OSError: break\n"
        "        if child == 0:\n"
        "            if os.fork() == 0: os.setsid()\n"
        "            time.sleep(600)\n"
        "    time.sleep(600)\n"
        "if __name__ == '__main__': main()\n",
    )

    async def work(os: OS) -> Exit:
        if python:
            pid = await os.process.spawn(bomb)
        else:
            pid = await os.process.spawn("-", arguments=[sys.executable, bomb])
        return await os.process.wait(pid)

    ended = daemon.run(work)
    assert ended.code == 137 and "more than 512 processes" in ended.reason
    # What it had sent away ends with it; each end is an event for its zygote.
    deadline = time.monotonic() + 20
    while left := [one for one in Path("/proc").glob("[0-9]*/cmdline") if _runs(one, bomb)]:
        assert time.monotonic() < deadline, len(left)
    assert left == []


def _runs(cmdline: Path, program: str) -> bool:
    try:
        return program.encode() in cmdline.read_bytes()
    except OSError:
        return False


def test_inspect_shows_what_a_process_sees_of_the_files(daemon: Daemon, tmp_path: Path) -> None:
    program = write(tmp_path, "idle.py", "def main(): pass\n")

    async def work(os: OS) -> ProcessInfo:
        pid = await os.process.spawn(program)
        await os.process.wait(pid)
        return await os.process.inspect(pid)

    info = daemon.run(work)
    if info.sandbox["landlock"] == "enforced":
        assert info.files["write"] == [info.home] and str(tmp_path) in info.files["read"]
        assert "/usr" in info.files["system"] and "/" not in info.files["read"]


@pytest.mark.parametrize("python", [True, False], ids=["agent", "program"])
def test_where_memory_runs_out_agents_end_before_the_daemon(
    daemon: Daemon, tmp_path: Path, python: bool
) -> None:
    """The machine ends what counts for most, and agents count for more than they are."""
    program = write(
        tmp_path,
        "score.py",
        "def main(): print(open('/proc/self/oom_score_adj').read())\n"
        "if __name__ == '__main__': main()\n",
    )

    async def work(os: OS) -> list[str]:
        if python:
            pid = await os.process.spawn(program)
        else:
            pid = await os.process.spawn("-", arguments=[sys.executable, program])
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    ours = int(Path(f"/proc/{daemon.process.pid}/oom_score_adj").read_text())
    assert int(daemon.run(work)[0]) > min(ours, 999)
