from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import click
import pytest

from llmagentos.services.shell.main import COMMANDS
from llmagentos.services.shell.main import aos as group
from llmagentos.syscalls.errors import InvalidArgument, NotFound
from llmagentos.syscalls.process import Exit, ProcessInfo

from .conftest import Aos


class Processes:
    """Processes 1 and 2, of which 1 has ended."""

    async def signal(self, pid: int, name: str) -> None:
        if pid == 1:
            raise InvalidArgument("process 1 has ended")

    async def stop(self, pid: int, grace: float) -> Exit:
        await self.signal(pid, "TERM")
        return Exit(pid=pid, code=143, reason="ended by SIGTERM")

    async def wait(self, pid: int) -> Exit:
        if pid > 2:
            raise NotFound(f"there is no process {pid}")
        return Exit(pid=pid, code=pid + 5, reason=f"ended with code {pid + 5}")


HOUSE = SimpleNamespace(process=Processes())


def test_one_process_that_refuses_does_not_keep_the_others_from_it(aos: Aos) -> None:
    done = aos("kill", "1", "2", system=HOUSE)
    assert (done.code, done.out) == (1, "2\n") and "process 1 has ended" in done.err
    done = aos("stop", "--json", "2", system=HOUSE)
    assert json.loads(done.out) == [{"pid": 2, "code": 143, "reason": "ended by SIGTERM"}]
    assert done.code == 0


def test_wait_exits_as_the_last_agent(aos: Aos) -> None:
    done = aos("wait", "1", "2", system=HOUSE)
    assert (done.code, done.out) == (7, "6\n7\n")
    assert aos("wait", "3", system=HOUSE).code == 1


def test_inspect_shows_numbers_and_files_as_people_read_them(aos: Aos) -> None:
    async def inspect(pid: int) -> Any:
        values: dict[str, Any] = dict.fromkeys(ProcessInfo.__slots__)
        files = {"write": ["/home/a"], "read": []}
        return SimpleNamespace(
            **values | {"usage": {"seconds": 0.10964, "tokens": 5.0}, "files": files}
        )

    done = aos("inspect", "7", system=SimpleNamespace(process=SimpleNamespace(inspect=inspect)))
    rows = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert ["usage", "seconds=0.11  tokens=5"] in rows
    assert "files: write  /home/a" in done.out and "[" not in done.out


@pytest.mark.parametrize(
    "command",
    [
        ["nope"],
        ["kill", "-s", "NOPE", "1"],
        ["renice", "20", "1"],
        ["renice", "1"],
        ["wait"],
        ["logs", "--tail", "-1", "1"],
        ["ps", "--filter", "colour=red"],
        ["ps", "--filter", "nonsense"],
        ["run"],
        ["run", "--max-tokens", "many", "x.py"],
        ["run", "--timeout", "0", "x.py"],
        ["run", "--no-such-option", "x.py"],
        ["run", "-e", "novalue", "--", "true"],
        ["call", "memory.get", "--deadline", "0"],
        ["token", "create", "--expires", "soon"],
        ["start", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_misuse_exits_with_2_and_prints_nothing_on_stdout(aos: Aos, command: list[str]) -> None:
    done = aos(*command, system=HOUSE)
    assert (done.code, done.out) == (2, "")
    assert "Error: " in done.err and "Traceback" not in done.err


def test_missing_program_exits_with_1(aos: Aos) -> None:
    done = aos("run", "./nowhere.py")
    assert (done.code, done.err) == (1, "aos: there is no program ./nowhere.py\n")


def test_declared_agent_takes_no_arguments_that_would_be_lost(aos: Aos, tmp_path: Any) -> None:
    (tmp_path / "agent.toml").touch()
    done = aos("run", f"{tmp_path}/agent.toml", "--taks", "x")
    assert done.code == 2 and "--taks" in done.err


def test_help_says_how_completion_is_switched_on(aos: Aos) -> None:
    assert "_AOS_COMPLETE=bash_source" in aos("--help").out


def test_every_command_that_shows_or_does_something_speaks_json() -> None:
    context = click.Context(group)
    for name in COMMANDS.keys() - {"serve", "events"}:
        command = group.get_command(context, name)
        assert command is not None and command.get_short_help_str()
        each = command.commands.values() if isinstance(command, click.Group) else [command]
        for one in each:
            assert "--json" in {flag for option in one.params for flag in option.opts}, one.name
