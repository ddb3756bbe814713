"""Forbidden acts: a layer counts as enforced when its act was refused, and not before.

Interface:
    network, sockets, local_sockets, calls, files, writes, mounts, signals, limits
                    each says whether its act was refused
    privileges      whether none is left
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
from errno import EACCES, EBADF, EPERM, EROFS
from pathlib import Path

from . import seccomp
from .native import CLONE_NEWUSER, syscall

_CLONE_FS = 0x200


def network(home_namespace: int) -> bool:
    """Whether this process stands in another network than its launcher, without a way out."""
    if os.stat("/proc/self/ns/net").st_ino == home_namespace:
        return False
    try:
        up = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return True
    return not up


def sockets() -> bool:
    """Whether a socket is refused."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def local_sockets() -> bool:
    """Whether a socket of this machine, by which the daemon and others are reached, is refused."""
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def calls() -> bool:
    """Whether calls that could undo a sandbox, or bend another process, are refused; each is tried
    with arguments with which it would do nothing."""
    tried = (
        (seccomp.number("unshare"), 0),
        (seccomp.number("process_vm_readv"), os.getpid(), 0, 0, 0, 0, 0),
        (seccomp.number("setns"), -1, 0),
        (seccomp.number("keyctl"), -1, 0, 0, 0, 0),
        # A namespace of users and a shared root are nothing that Linux makes together.
        (seccomp.number("clone"), CLONE_NEWUSER | _CLONE_FS, 0, 0, 0, 0),
    )
    return all(map(_refused, tried))


def _refused(call: tuple[int, ...]) -> bool:
    try:
        syscall(call[0], *map(ctypes.c_long, call[1:]))
    except OSError as error:
        return error.errno == EPERM
    return False


def files() -> bool:
    """Whether a folder that nobody granted is refused: the root, which always exists."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))
    except PermissionError:
        return True
    except OSError as error:
        return error.errno == EACCES
    return False


def writes(home: str) -> bool:
    """Whether a folder beside this process's own one is refused."""
    beside = f"{home}/../.canary-{os.getpid()}"
    try:
        os.mkdir(beside)
    except OSError as error:
        return error.errno in (EACCES, EPERM, EROFS)
    os.rmdir(beside)
    return False


def mounts() -> bool:
    """Whether it is refused to give the root, which nobody may write, the mode that it has."""
    try:
        os.chmod("/", os.stat("/").st_mode & 0o7777)
    except OSError as error:
        return error.errno == EROFS
    return False


def signals() -> bool:
    """Whether a signal to whoever started this process is refused."""
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    return False


def privileges() -> bool:
    """Whether this process has no privilege left that it could use or take up."""
    lines = Path("/proc/self/status").read_text().splitlines()
    held = [line.split()[1] for line in lines if line.startswith(("CapPrm:", "CapEff:"))]
    return len(held) == 2 and not any(int(one, 16) for one in held)


def limits() -> bool:
    """Whether one more file than allowed is refused."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        # Asks for a number past the limit, so that nothing has to be filled up to it.
        os.dup2(0, most)
    except OSError as error:
        return error.errno == EBADF
    os.close(most)
    return False
