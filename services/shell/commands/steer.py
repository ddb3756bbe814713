"""Commands that steer processes: stop, kill, suspend, resume, renice, rm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import click

from ....syscalls.os import OS
from ..session import resolve, session

_PIDS = click.argument("pids", nargs=-1, required=True)
_SIGNALS = ("TERM", "KILL", "INT", "STOP", "CONT", "USR1", "USR2", "HUP")


def _each(pids: tuple[str, ...], act: Callable[[OS, int], Awaitable[Any]]) -> None:
    async def work(os: OS) -> None:
        for who in pids:
            await act(os, await resolve(os, who))
            click.echo(who)

    session(work)


@click.command()
@click.option("-t", "--time", "grace", type=click.FloatRange(0), default=10.0, help="Seconds.")
@click.argument("pids", nargs=-1)
def stop(pids: tuple[str, ...], grace: float) -> None:
    """Stop agents, killing them after a while; without a PID, stop the daemon."""
    if pids:
        _each(pids, lambda os, pid: os.process.stop(pid, grace))
        return
    from .daemon import stop_daemon

    stop_daemon()


@click.command()
@click.option("-s", "--signal", "name", default="KILL", help=f"One of {', '.join(_SIGNALS)}.")
@_PIDS
def kill(pids: tuple[str, ...], name: str) -> None:
    """Send agents a signal."""
    name = name.upper().removeprefix("SIG")
    if name not in _SIGNALS:
        raise click.UsageError(f"there is no signal {name}; there is {', '.join(_SIGNALS)}")
    _each(pids, lambda os, pid: os.process.signal(pid, name))  # type: ignore[arg-type]


@click.command()
@_PIDS
def suspend(pids: tuple[str, ...]) -> None:
    """Halt agents and their queued model calls."""
    _each(pids, lambda os, pid: os.process.signal(pid, "STOP"))


@click.command()
@_PIDS
def resume(pids: tuple[str, ...]) -> None:
    """Let suspended agents go on."""
    _each(pids, lambda os, pid: os.process.signal(pid, "CONT"))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("nice", type=click.IntRange(-20, 19))
@_PIDS
def renice(nice: int, pids: tuple[str, ...]) -> None:
    """Change agents' rank to NICE, from -20 (first) to 19 (last)."""
    _each(pids, lambda os, pid: os.process.renice(pid, nice))


@click.command()
@_PIDS
def rm(pids: tuple[str, ...]) -> None:
    """Forget agents that have ended, and their logs."""
    _each(pids, lambda os, pid: os.process.remove(pid))
