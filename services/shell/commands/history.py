"""`aos history`: what an agent has done."""

from __future__ import annotations

import json
from typing import Any

import click

from ....syscalls.os import OS
from ....syscalls.process import Past
from ..moment import clock
from ..output import as_json, plain, show_json
from ..session import resolve, session

#: Characters of arguments and of a result in one line.
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
    asked = "…" if past.arguments is None else short(past.arguments)
    outcome = "" if past.outcome == "ok" else click.style(f"{past.outcome} ", fg="red")
    name = click.style(past.syscall, fg="cyan")
    return f"{past.seq:>5} {clock(past.time)} {name}{by} {asked} → {outcome}{short(past.result)}"


def short(value: Any) -> str:
    """Return a value as one line of bounded length that a terminal may show."""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    text = "".join(one if one.isprintable() else " " for one in text[: WIDTH + 1])
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"
