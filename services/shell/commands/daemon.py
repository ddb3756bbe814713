"""Commands about the daemon itself: serve, start, restart, status."""

from __future__ import annotations

import asyncio
import fcntl
import os as machine
import signal
import sys
from contextlib import suppress
from functools import partial

import click

from ....syscalls.errors import InDoubt
from ....syscalls.locations import runtime_folder
from ....syscalls.os import OS
from ....syscalls.system import Status
from .. import daemon
from ..failure import NoDaemon
from ..output import ago, as_json, show_json, size, table
from ..session import session

#: Seconds within which a daemon that is up answers.
MOMENT = 2.0
_ENDED = {"zombie": "ended"}
_PORT = click.option("--port", type=click.IntRange(0, 65535), help="Port of the HTTP API.")


def _more(port: int | None) -> tuple[str, ...]:
    return () if port is None else ("--port", str(port))


@click.command()
@_PORT
def serve(port: int | None) -> None:
    """Run the daemon in the foreground, until Ctrl-C."""
    if daemon.runs():
        raise NoDaemon("a daemon runs already; see: aos status")
    arguments = daemon.command(*_more(port))
    machine.execv(sys.executable, arguments)


@click.command()
@_PORT
@as_json
def start(port: int | None, as_json: bool) -> None:
    """Start the daemon, and wait until it accepts syscalls."""
    _start(port, as_json)


@click.command()
@_PORT
@as_json
def restart(port: int | None, as_json: bool) -> int:
    """Stop the daemon and start it again."""
    if daemon.runs():
        # With a policy or a configuration that is refused none would start again.
        if code := daemon.check():
            click.echo("the daemon runs on as it is", err=True)
            return code
        stop_daemon()
    _start(port, as_json)
    return 0


def _start(port: int | None, as_json: bool) -> None:
    number = None if daemon.runs() else daemon.start(*_more(port))
    if number is None:
        try:
            session(lambda os: os.system.status())  # It may still be coming up,
        except NoDaemon:  # or was about to end.
            number = daemon.start(*_more(port))
    if as_json:
        show_json({"started": number is not None, "process": number})
    elif number is None:
        click.echo("the daemon runs already", err=True)
    else:
        click.echo(f"started the daemon (process {number})", err=True)


@click.command()
@as_json
def status(as_json: bool) -> int:
    """Show how the daemon is."""
    found = session(_status)
    if as_json:
        show_json(found)
    else:
        _show(found)
    return 0 if found.ready else 1


async def _status(os: OS) -> Status:
    text = "the daemon takes no calls yet: it is coming up, or busy"
    hint = asyncio.get_running_loop().call_later(MOMENT, partial(click.echo, text, err=True))
    try:
        return await os.system.status()
    finally:
        hint.cancel()


def stop_daemon() -> None:
    """Ask the daemon to end, and wait until it has."""
    keeper = daemon.keeper()
    try:
        session(lambda os: asyncio.wait_for(os.system.shutdown(), MOMENT))
    except NoDaemon:
        pass  # Somebody else has asked it to end.
    except (TimeoutError, InDoubt) as error:
        # It is still coming up, and takes no calls yet; or its kernel has ended over this one.
        if keeper is not None:
            with suppress(ProcessLookupError):
                machine.kill(keeper, signal.SIGTERM)
        elif isinstance(error, TimeoutError):
            raise
    # The daemon holds these locks to its very end, and whoever keeps it running to his own.
    for name in ("kernel.lock", "keeper.lock"):
        with (runtime_folder(machine.environ) / name).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    click.echo("stopped the daemon", err=True)


def _show(found: Status) -> None:
    agents = (
        ", ".join(f"{count} {_ENDED.get(state, state)}" for state, count in found.processes.items())
        or "none"
    )
    rows = [
        ("version", found.version),
        ("process", found.os_pid),
        ("up", ago(found.uptime)),
        ("agents", agents),
        ("syscalls", f"{found.syscalls} answered, {found.in_flight} on their way"),
        ("journal", found.journal),
        ("memory", ", ".join(f"{name} {size(held)}" for name, held in found.memory.items())),
        ("HTTP API", found.url),
        ("state", found.state),
    ]
    table(("DAEMON", "ready" if found.ready else "starting"), rows)
    click.echo()
    table(
        ("SERVICE", "KIND", "STATE", "RESTARTS", "REASON"),
        ((one.name, one.kind, one.state, one.restarts, one.reason) for one in found.services),
    )
