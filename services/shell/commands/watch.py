"""`aos events`: what happens."""

from __future__ import annotations

import time

import click

from ....syscalls.os import OS
from ..output import as_json, show_json
from ..session import session


@click.command()
@click.option("--follow/--no-follow", "-f", default=True, help="Go on with those to come.")
@click.option("--tail", type=click.IntRange(0), default=100, help="How many past ones.")
@as_json
def events(follow: bool, tail: int, as_json: bool) -> None:
    """Show what happens, one line for each event."""

    async def work(os: OS) -> None:
        async for event in os.system.events(follow=follow, tail=tail):
            if as_json:
                show_json(event, indent=None)
            else:
                when = time.strftime("%H:%M:%S", time.localtime(event.time))
                pid = "" if event.pid is None else f" [{event.pid}]"
                click.echo(f"{when} {click.style(event.kind, fg='cyan')}{pid} {event.text}")

    session(work)
