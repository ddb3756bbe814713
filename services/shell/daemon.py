"""Starting the daemon and finding it.

Interface:
    connect         a socket to the daemon; `start=True` starts one where none runs
    again           the same, when the daemon's kernel has died and is started again
    keeper          the process that ends when it is asked to, be its kernel up or not
    start           starts one; returns its process number, None where another command has
    runs            whether there is one
    command         the command line of a daemon
    check_policy    whether a daemon would start with a policy
    check           whether one would start at all, with the configuration as it is now
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import click

from ...syscalls.locations import control_socket, runtime_folder, state_folder
from .failure import NoDaemon

#: Seconds for which a daemon that comes up is waited for.
PATIENCE = 60.0
#: Bytes of a socket's path (`sun_path` of unix(7), without its last zero byte).
_LONGEST = 107
#: Process, user and group of a socket's other end.
_CREDENTIALS = struct.Struct("3i")


def connect(start_one: bool = False) -> socket.socket:
    """Return a connection to the daemon. Raises `NoDaemon`."""
    path = _address()
    for attempt in (1, 2):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(path))
            return sock
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()  # Nobody listens, or a crashed daemon left its socket behind.
            if not start_one or attempt == 2:
                raise NoDaemon("no daemon runs; start one with: aos start") from None
            if (number := start()) is not None:
                text = f"started the daemon (process {number}); stop it with: aos stop"
                click.echo(text, err=True)
        except PermissionError:
            sock.close()
            raise NoDaemon(f"{path} belongs to another user") from None
        except OSError as error:
            sock.close()
            raise NoDaemon(f"{path} cannot be used: {error.strerror or error}") from None
    raise AssertionError("unreachable")


async def again() -> socket.socket:
    """Return a new connection, on which a kernel that is being started answers once it is up.

    Raises OSError where nobody starts one.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(control_socket(os.environ)))
    except OSError:
        sock.close()
        raise
    return sock


def _address() -> Path:
    """Return where the daemon is spoken to. Raises `NoDaemon` where no socket can be."""
    path = control_socket(os.environ)
    if len(os.fsencode(path)) > _LONGEST:
        raise NoDaemon(
            f"{path} is too long for a socket; name a shorter folder: LLMAGENTOS_RUNTIME"
        )
    return path


def command(*more: str) -> list[str]:
    """Return the command line of a daemon."""
    state, runtime = state_folder(os.environ), runtime_folder(os.environ)
    module = "llmagentos.kernel.keeper"
    places = ["--state", str(state), "--runtime", str(runtime)]
    # -P: the folder that a person stands in is no place to import from.
    return [sys.executable, "-P", "-m", module, *places, *more]


def runs() -> bool:
    """Whether there is a daemon, be it one that is still coming up."""
    try:
        connect().close()
    except NoDaemon:
        return False
    return True


def keeper() -> int | None:
    """Return which process keeps the daemon, None where that has gone. Raises `NoDaemon`."""
    with connect() as sock:
        # Of whoever has begun to listen.
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    with (runtime_folder(os.environ) / "keeper.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(_CREDENTIALS.unpack(raw)[0])
    return None


def start(*more: str) -> int | None:
    """Start a daemon that outlives this command, and wait until it accepts syscalls.

    Whoever does so at the same time waits for this one. Raises `NoDaemon`.
    """
    state = state_folder(os.environ)
    log = state / "daemon.log"
    _address()
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.touch(mode=0o600)
        turn, output = log.open("rb"), log.open("ab")
    except OSError as error:
        why = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise NoDaemon(f"the state folder {state} cannot be used: {why}") from None
    with turn, output:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if runs():
            return None
        turn.seek(0, os.SEEK_END)
        number = _started(output, more)
        if number is not None:
            return number
        if runs():  # `aos serve` was faster, and this one was refused.
            return None
        raise NoDaemon(f"the daemon did not start: {_last_line(turn, state)}; see {log}")


def _started(output: BinaryIO, more: Sequence[str]) -> int | None:
    """Return the process number of a new daemon, None for one that has ended before it was up."""
    reads, writes = os.pipe()
    with open(reads, "rb", buffering=0) as notified:
        process = subprocess.Popen(
            command("--notify", str(writes), *_project(), *more),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(writes,),
            start_new_session=True,
            cwd="/",
        )
        os.close(writes)
        if not select.select([notified], [], [], PATIENCE)[0]:
            text = f"the daemon (process {process.pid}) is not up after {PATIENCE:g} s"
            raise NoDaemon(f"{text}, and goes on starting; see {output.name}")
        return process.pid if notified.read(16) == b"ready\n" else None


def check_policy(*files: str, quiet: bool = False) -> int:
    """Check files of a policy, or those in the usual places; what is wrong is told on stderr.

    Returns an exit code. The kernel reads them, as it does at its start: no command imports it.
    """
    module = [sys.executable, "-P", "-m", "llmagentos.kernel.rights.check"]
    return subprocess.run(
        [*module, *files], stdout=subprocess.DEVNULL if quiet else None
    ).returncode


def check() -> int:
    """Check the policy and the configuration; what is wrong is told on stderr.

    Returns an exit code.
    """
    module = [sys.executable, "-P", "-m", "llmagentos.kernel.command_line"]
    return check_policy(quiet=True) or subprocess.run([*module, *_project()], cwd="/").returncode


def _project() -> tuple[str, ...]:
    """Name the configuration of the folder that a person stands in: a daemon stands nowhere."""
    file = Path("llmagentos.toml").absolute()
    return ("--config", str(file)) if file.is_file() else ()


def _last_line(log: BinaryIO, state: Path) -> str:
    """Return the last line that was written to a log from where it stands on."""
    lines = log.read().decode(errors="replace").strip().splitlines()
    if lines:
        return lines[-1].removeprefix("aos: ")
    full = os.statvfs(state).f_bavail == 0
    return "there is no room on the disk" if full else "it said nothing"
