"""Commands that steer processes: stop, kill, suspend, resume, renice, rm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import click

from ....syscalls.os import OS
from ..failure import explain
from ..output import as_json, plain, show_json
from ..session import resolve, session

_PIDS = click.argument("pids", nargs=-1, required=True)
_SIGNALS = ("TERM", "KILL", "INT", "STOP", "CONT", "USR1", "USR2", "HUP")


def _each(names: tuple[str, ...], as_json: bool, act: Callable[[OS, int], Awaitable[Any]]) -> int:
    """Do something to each process; one that refuses does not keep the others from it."""

    async def one(os: OS, name: str) -> dict[str, Any]:
        pid = await resolve(os, name)
        return {"pid": pid, **(plain(await act(os, pid)) or {})}

    async def work(os: OS) -> list[Any]:
        acts = (one(os, name) for name in names)
        outcomes: list[Any] = await asyncio.gather(*acts, return_exceptions=True)
        return outcomes

    code, done = 0, []
    for name, outcome in zip(names, session(work), strict=True):
        if isinstance(outcome, BaseException):
            code = max(code, explain(outcome))
        elif as_json:
            done.append(outcome)
        else:
            click.echo(name)
    if as_json:
        show_json(done)
    return code


@click.command()
@click.option("-t", "--time", "grace", type=click.FloatRange(0), default=10.0, help="Seconds.")
@as_json
@click.argument("pids", nargs=-1)
def stop(pids: tuple[str, ...], grace: float, as_json: bool) -> int:
    """Stop agents, killing them after a while; without a PID, stop the daemon."""
    if pids:
        return _each(pids, as_json, lambda os, pid: os.process.stop(pid, grace))
    from .daemon import stop_daemon

    stop_daemon()
    if as_json:
        show_json({"stopped": True})
    return 0


@click.command()
@click.option("-s", "--signal", "name", default="KILL", help=f"One of {', '.join(_SIGNALS)}.")
@as_json
@_PIDS
def kill(pids: tuple[str, ...], name: str, as_json: bool) -> int:
    """Send agents a signal."""
    name = name.upper().removeprefix("SIG")
    if name not in _SIGNALS:
        raise click.UsageError(f"there is no signal {name}; there is {', '.join(_SIGNALS)}")
    return _each(pids, as_json, lambda os, pid: os.process.signal(pid, name))  # type: ignore[arg-type]


@click.command()
@as_json
@_PIDS
def suspend(pids: tuple[str, ...], as_json: bool) -> int:
    """Halt agents and their queued model calls."""
    return _each(pids, as_json, lambda os, pid: os.process.signal(pid, "STOP"))


@click.command()
@as_json
@_PIDS
def resume(pids: tuple[str, ...], as_json: bool) -> int:
    """Let suspended agents go on."""
    return _each(pids, as_json, lambda os, pid: os.process.signal(pid, "CONT"))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("nice", type=click.IntRange(-20, 19))
@as_json
@_PIDS
def renice(nice: int, pids: tuple[str, ...], as_json: bool) -> int:
    """Change agents' rank to NICE, from -20 (first) to 19 (last)."""
    return _each(pids, as_json, lambda os, pid: os.process.renice(pid, nice))


@click.command()
@as_json
@_PIDS
def rm(pids: tuple[str, ...], as_json: bool) -> int:
    """Forget agents that have ended, and their logs."""
    return _each(pids, as_json, lambda os, pid: os.process.remove(pid))
