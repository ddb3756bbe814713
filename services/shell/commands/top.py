"""`aos top`: agents and devices, again every second."""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from typing import Any

import click

from ....syscalls.os import OS
from ..output import as_json, show_json, table
from ..session import session
from .processes import EVERYBODY, cells, headings


@click.command()
@EVERYBODY
@click.option("--once", is_flag=True, help="Show it once.")
@as_json
def top(everybody: bool, once: bool, as_json: bool) -> None:
    """Watch agents and devices; Ctrl-C ends it. Into a pipe they are shown once."""
    if as_json:
        session(partial(_json, everybody))
    elif once or not sys.stdout.isatty():
        session(partial(_once, everybody))
    else:
        session(partial(_live, everybody))


async def _json(everybody: bool, os: OS) -> None:
    found = await os.process.ls(everybody=everybody)
    show_json({"processes": found, "devices": await os.device.ls()})


async def _once(everybody: bool, os: OS) -> None:
    now = time.time()
    found = await os.process.ls(everybody=everybody)
    table(headings(everybody), (cells(one, now, everybody) for one in found))
    click.echo()
    devices = await os.device.ls()
    table(
        ("DEVICE", "SLOTS", "RUNNING", "WAITING", "POLICY"),
        ((o.kind, o.slots, o.running, o.waiting, o.policy) for o in devices),
    )


async def _live(everybody: bool, os: OS) -> None:
    from rich.live import Live

    with Live(await _screen(everybody, os), screen=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(1)
            live.update(await _screen(everybody, os), refresh=True)


async def _screen(everybody: bool, os: OS) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    now, status = time.time(), await os.system.status()
    head = Text(
        f"LLMAgentOS {status.version}   {status.syscalls} syscalls   "
        f"{status.in_flight} on their way   journal {status.journal}"
    )
    queues = Text(
        "   ".join(
            f"{one.kind}: {one.running}/{one.slots} running, {one.waiting} waiting ({one.policy})"
            for one in await os.device.ls()
        ),
        style="cyan",
    )
    drawn = Table(box=None, header_style="reverse", expand=True)
    for heading in headings(everybody):
        drawn.add_column(heading)
    for one in await os.process.ls(everybody=everybody):
        drawn.add_row(*map(str, cells(one, now, everybody)))
    return Group(head, queues, Text(), drawn)
