"""What a process says of itself cannot pass for what the system says, nor steer a terminal."""

from __future__ import annotations

import io
import json
import os as machine
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.shell import output
from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

EVIL = "a\x1b[2J\x1b]0;owned\x07\nroot  rights.granted  *\r\x9b31m\u202egpj.exe\0"
#: What none of the system's own lines may hold.
CONTROLS = [chr(one) for one in (*range(0, 10), *range(11, 32), 127, *range(128, 160), 0x202E)]


def test_words_of_a_process_stand_in_one_line_of_events_tables_and_audit(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "evil.py",
        "async def main(os, task):\n"
        "    for name in (task, 'tool.call'):\n"
        "        try: await os.call(name, {'name': task})\n"
        "        except Exception as error: pass\n"
        "    raise SystemExit(task)\n",
    )

    async def work(os: OS) -> tuple[str, list[str]]:
        with pytest.raises(Exception, match="is no name"):
            await os.process.spawn(program, name=EVIL)
        task = EVIL.replace("\0", "")
        pid = await os.process.spawn(program, task=task, capabilities=["tool.call:calculator"])
        await os.process.wait(pid)
        foreign = await os.process.spawn("-", arguments=["/bin/echo", task])
        await os.process.wait(foreign)
        events = [one async for one in os.system.events(follow=False, tail=1000)]
        audited = [one async for one in os.rights.audit(pid=pid)]
        shown = [one.text for one in events] + [
            str(value) for one in events for value in one.details.values()
        ]
        for one in audited:
            shown += [one.name, one.subject or "", one.reason or "", one.syscall]
        return str(pid), shown

    pid, shown = daemon.run(work)
    for text in shown:
        assert "\n" not in text and not [one for one in CONTROLS if one in text], repr(text)
    for command in (["ps", "-a"], ["inspect", pid], ["events", "--no-follow"], ["audit"]):
        ran = subprocess.run(
            [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()",
             *command],
            env={**machine.environ, "LLMAGENTOS_STATE": str(daemon.state)},
            capture_output=True,
            text=True,
            timeout=60,
        )  # fmt: skip
        if ran.returncode == 2:
            continue
        assert not [one for one in CONTROLS if one in ran.stdout], (command, ran.stdout)
        assert "\nroot  rights.granted" not in ran.stdout


def test_cells_of_a_table_hold_no_lines_and_no_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output.table(("A", "B"), [(EVIL, 1)])
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 2 and not [one for one in CONTROLS if one in said]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    output.table(("A", "B"), [(EVIL, 1)])
    assert not [one for one in ("\x1b[2J", "\x07", "\x9b", "\u202e") if one in screen.getvalue()]


def test_json_says_all_in_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    value: dict[str, Any] = {"text": EVIL}
    output.show_json(value, indent=None)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1 and json.loads(said) == value
    assert not [one for one in CONTROLS if one in said]
