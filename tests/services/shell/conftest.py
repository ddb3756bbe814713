"""Commands in this process, with the daemon's part taken from memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from llmagentos.services.shell import main as shell
from llmagentos.syscalls.os import OS


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Aos = Callable[..., Done]
#: The files of commands that the tests call.
COMMANDS = (
    "approvals", "call", "doctor", "fork", "history", "processes", "rights", "run", "steer",
    "token", "watch",
)  # fmt: skip


@pytest.fixture
def aos(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Aos:
    """Run a command as a person does, `system` in the daemon's place."""

    def run(*arguments: str, system: Any = None) -> Done:
        def session(work: Callable[[OS], Awaitable[Any]], start: bool = False) -> Any:
            return asyncio.run(cast(Any, work(cast(OS, system))))

        monkeypatch.setattr(sys, "argv", ["aos", *arguments])
        for name in COMMANDS:
            monkeypatch.setattr(f"llmagentos.services.shell.commands.{name}.session", session)
        with pytest.raises(SystemExit) as left:
            shell.main()
        said = capsys.readouterr()
        return Done(code=cast(int, left.value.code), out=said.out, err=said.err)

    return run
