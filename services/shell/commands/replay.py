"""`aos replay`: an agent once more, along its record."""

from __future__ import annotations

import json
import os as machine
import subprocess
import sys
from typing import Any

import click

from ....syscalls.errors import from_wire
from ....syscalls.locations import state_folder
from ..output import as_json, show_json
from ..session import resolve, session

_OFFLINE = "llmagentos.kernel.durable.offline"


@click.command()
@as_json
@click.argument("pid")
def replay(pid: str, as_json: bool) -> int:
    """Run an agent again along its record, without a daemon, a model or a token.

    It is told what it was told the first time, and nothing that it asks for is done. Exits 0 where
    it took the same way and wrote the same. A name takes a daemon, which knows whose it is.
    """
    digits = pid.isascii() and pid.isdecimal()
    who = pid if digits else str(session(lambda os: resolve(os, pid)))
    state = state_folder(machine.environ)
    command = [sys.executable, "-P", "-m", _OFFLINE, "--state", str(state), who]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    try:
        outcome: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        raise click.ClickException("the replay did not come to an end") from None
    if "error" in outcome:
        raise from_wire(outcome["error"], outcome["message"], {})
    if as_json:
        show_json(outcome)
    else:
        click.echo(outcome["output"], nl=False)
        click.echo(_said(outcome), err=True)
    return int(outcome["diverged"] is not None or outcome["identical"] is False)


def _said(outcome: dict[str, Any]) -> str:
    calls = f"{outcome['calls']} answers from the record"
    if outcome["diverged"] is not None:
        return f"it left its record: {outcome['diverged']} ({calls})"
    same = {True: "it wrote the same", False: "it wrote something else", None: "it has no log"}
    ended = f"exit {outcome['code']}" if outcome["code"] is not None else outcome["beyond"]
    return f"{ended}; {calls}; {same[outcome['identical']]}"
