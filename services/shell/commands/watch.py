"""`aos events`: what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import click

from ....syscalls.os import OS
from ....syscalls.system import Event
from ..follow import resumed
from ..moment import clock
from ..output import as_json, show_json
from ..session import session

#: Of a kernel that was started meanwhile, what happened before this command was back.
ALL = 1000


@click.command()
@click.option("--follow/--no-follow", "-f", default=True, help="Go on with those to come.")
@click.option("--tail", type=click.IntRange(0), default=100, help="How many past ones.")
@as_json
def events(follow: bool, tail: int, as_json: bool) -> None:
    """Show what happens, one line for each event."""

    async def work(os: OS) -> None:
        def begin(first: bool) -> AsyncIterator[Event]:
            return os.system.events(follow=follow, tail=tail if first else ALL)

        async for event in resumed(os, begin):
            if as_json:
                show_json(event, indent=None)
            else:
                when, pid = clock(event.time), "" if event.pid is None else f" [{event.pid}]"
                click.echo(f"{when} {click.style(event.kind, fg='cyan')}{pid} {event.text}")

    session(work)
