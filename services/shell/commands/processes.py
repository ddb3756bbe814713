"""Commands that look at processes: ps, logs, inspect, wait."""

from __future__ import annotations

import time
from typing import Any

import click

from ....syscalls.os import OS
from ....syscalls.process import ProcessInfo
from ..follow import follow as following
from ..moment import date
from ..output import ago, amounts, as_json, said, short, show_json, table
from ..session import resolve, session


def cells(one: ProcessInfo, now: float, everybody: bool = False) -> list[Any]:
    """Return a process's line of a table, of `everybody`'s with whose it is."""
    state = one.state if one.exit_code is None else f"exited {one.exit_code}"
    tokens = one.usage.get("tokens", 0)
    limit = one.budget.get("tokens")
    spent = f"{tokens:.0f}" + (f"/{limit:.0f}" if limit is not None else "")
    age = ago((one.ended or now) - one.started)
    whose = [one.principal] if everybody else []
    what = [one.name, state, one.nice, one.syscalls, spent, age, short(one.task or "", 40)]
    return [one.pid, *whose, *what]


_FILTERS = ("kind", "name", "principal", "state")
_HEADINGS = ("PID", "NAME", "STATE", "NICE", "SYSCALLS", "TOKENS", "AGE", "TASK")


def headings(everybody: bool = False) -> tuple[str, ...]:
    """Return what stands over the cells."""
    return ("PID", "PRINCIPAL", *_HEADINGS[1:]) if everybody else _HEADINGS


#: Whether all principals' processes are meant.
EVERYBODY = click.option(
    "-A", "--everybody", is_flag=True, help="All principals', for the owner of the daemon."
)


@click.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Ended ones, drivers, services too.")
@EVERYBODY
@click.option("-q", "--quiet", is_flag=True, help="Print pids alone.")
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help="state=…, name=…")
@as_json
def ps(
    everything: bool, everybody: bool, quiet: bool, filters: tuple[str, ...], as_json: bool
) -> None:
    """List agents."""
    wanted = dict(one.partition("=")[::2] for one in filters)
    if unknown := wanted.keys() - _FILTERS:
        raise click.UsageError(f"{min(unknown)!r} is none of the filters {', '.join(_FILTERS)}")
    found = session(lambda os: os.process.ls(all=everything, everybody=everybody))
    found = [
        one for one in found if all(getattr(one, key) == value for key, value in wanted.items())
    ]
    if as_json:
        show_json(found)
    elif quiet:
        for one in found:
            click.echo(one.pid)
    else:
        now = time.time()
        table(headings(everybody), (cells(one, now, everybody) for one in found))


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on until the agent ends.")
@click.option("--tail", type=click.IntRange(0), help="Only the last lines.")
@as_json
@click.argument("pid")
def logs(pid: str, follow: bool, tail: int | None, as_json: bool) -> None:
    """Show what an agent wrote."""

    async def work(os: OS) -> None:
        who = await resolve(os, pid)
        lines = following(os, who, tail) if follow else os.process.logs(who, tail=tail)
        async for line in lines:
            if as_json:
                show_json(line, indent=None)
            else:
                said(line.text)

    session(work)


@click.command()
@as_json
@click.argument("pid")
def inspect(pid: str, as_json: bool) -> None:
    """Show all that is known of an agent."""

    async def work(os: OS) -> ProcessInfo:
        return await os.process.inspect(await resolve(os, pid))

    found = session(work)
    if as_json:
        show_json(found)
        return
    rows = []
    for name in ProcessInfo.__slots__:
        value = getattr(found, name)
        if name in ("started", "ended") and value is not None:
            value = date(value)
        if name == "files":
            rows += [(f"files: {kind}", "  ".join(paths) or "-") for kind, paths in value.items()]
            continue
        if isinstance(value, dict):
            value = amounts(value)
        if isinstance(value, list):
            value = "  ".join(map(str, value))
        rows.append((name, "-" if value in (None, "") else value))
    table(("FIELD", "VALUE"), rows)


@click.command()
@as_json
@click.argument("pids", nargs=-1, required=True)
def wait(pids: tuple[str, ...], as_json: bool) -> int:
    """Wait for agents to end; exit as the last of them."""

    async def work(os: OS) -> list[Any]:
        return [await os.process.wait(await resolve(os, pid)) for pid in pids]

    ends = session(work)
    if as_json:
        show_json(ends)
    else:
        for one in ends:
            click.echo(one.code)
    return int(ends[-1].code)
