"""`aos fork`: an agent like another one, up to a point."""

from __future__ import annotations

import click

from ....syscalls.errors import NotFound
from ....syscalls.os import OS
from ..output import as_json, show_json
from ..session import resolve, session


@click.command()
@click.option("--at", type=click.IntRange(0), required=True, help="The last call that is shared.")
@click.option("--model", help="What it asks from then on.")
@as_json
@click.argument("pid")
def fork(pid: str, at: int, model: str | None, as_json: bool) -> None:
    """Start an agent that has done what PID did up to a call, and goes its own way from there."""

    async def work(os: OS) -> int:
        who = await resolve(os, pid)
        if model is not None:
            await _known(os, model)
        return await os.process.fork(who, at, model)

    made = session(work)
    if as_json:
        show_json({"pid": made})
    else:
        click.echo(made)


async def _known(os: OS, model: str) -> None:
    """Refuse a model that runs nowhere: the fork would go its way and fail only when it asks."""
    running = [name for one in await os.model.ls() for name in (one.name, one.target)]
    if model not in running:
        raise NotFound(f"no device runs the model {model!r}; see: aos model ls")
