"""That there is one daemon, and what has to be the same for each after it.

Interface:
    locked          takes a folder, or says who has it
    alone           waits until nothing of a daemon before lives
    dice            what agents' sets are ordered by
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from ..syscalls.errors import AlreadyExists, InputOutputError
from .paths import rewrite

#: Seconds until what a killed daemon has left must have ended, and between two looks.
PATIENCE, MOMENT = 15.0, 0.01


def locked(path: Path) -> Callable[[], None]:
    """Take a folder by its lock; returns what gives it back.

    Raises `AlreadyExists` and `InputOutputError`.
    """
    lock = _opened(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(lock, 32).decode() or "unknown"
        os.close(lock)
        raise AlreadyExists(f"a daemon runs already, as process {owner}") from None
    os.ftruncate(lock, 0)
    # On a full disk the lock is as good without the number.
    with suppress(OSError):
        os.write(lock, str(os.getpid()).encode())
    return lambda: os.close(lock)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputOutputError(f"{path} cannot be opened: {error.strerror}") from error


async def alone(path: Path, stack: AsyncExitStack) -> int:
    """Return a lock that whatever is started holds as well, once nothing of a daemon before lives.

    When a daemon is killed its processes end at once, but not before it. Raises `AlreadyExists`.
    """
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, lock)
    for _ in range(round(PATIENCE / MOMENT)):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        await asyncio.sleep(MOMENT)
    raise AlreadyExists(f"processes of the daemon before still live; {path} is held by them")


def dice(path: Path) -> str:
    """Return the number by which Python orders the sets of agents, the same for every daemon.

    Another one for each user, so that nobody can tell what will collide. Raises
    `InputOutputError`.
    """
    try:
        if not path.exists():
            rewrite(path, str(int.from_bytes(os.urandom(4))))
        return str(int(path.read_text()))
    except (OSError, ValueError) as error:
        raise InputOutputError(f"{path} holds no number: {error}") from error
