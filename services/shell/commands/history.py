"""`aos history`: what an agent has done."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import click

from ....syscalls.os import OS
from ....syscalls.process import Past
from ..moment import clock
from ..output import as_json, halves, plain, short, show_json
from ..session import resolve, session

#: Characters of arguments, and of a result, where no terminal bounds them.
WIDTH = 100


@click.command()
@click.option("--after", type=click.IntRange(0), default=0, help="Only what came after this call.")
@as_json
@click.argument("pid")
def history(pid: str, after: int, as_json: bool) -> None:
    """Show what an agent has done, one line for each call."""

    async def work(os: OS) -> None:
        who, seen = await resolve(os, pid), after
        while found := await os.process.history(who, after=seen):
            for past in found:
                if as_json:
                    show_json(past, indent=None)
                else:
                    click.echo(line(past))
            seen = found[-1].seq

    session(work)


def line(past: Past) -> str:
    """Return a call as a person reads it."""
    by = "" if past.by is None else f" (by {past.by})"
    head = f"{past.seq:>5} {clock(past.time)} "
    asked = "…" if past.arguments is None else text(past.arguments)
    outcome = "" if past.outcome == "ok" else f"{past.outcome} "
    result, most = text(past.result), (WIDTH, WIDTH)
    if sys.stdout.isatty():
        rest = len(f"{head}{past.syscall}{by}  → {outcome}")
        most = halves(shutil.get_terminal_size().columns - rest, asked, result)
    name = click.style(past.syscall, fg="cyan")
    outcome, asked = click.style(outcome, fg="red"), short(asked, most[0])
    return f"{head}{name}{by} {asked} → {outcome}{short(result, most[1])}"


def text(value: Any) -> str:
    """Return a value as a text."""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
