"""Landlock: which files a process may read and write, and whom it may signal (landlock(7)).

Interface:
    Opened, opened  what many processes will read, opened once for all of them
    restrict        give up all files but some; raises OSError where Landlock is missing
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from stat import S_ISDIR
from typing import TypeAlias

from .native import syscall

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
#: Everything that each version of the interface knows to handle, in bits.
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
#: From version 6 on: to nobody outside go connections to abstract sockets, nor signals.
_SCOPED, _SCOPES = 6, 1 | 2
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: What makes sense for a file that is no folder.
_OF_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL


#: Descriptors, and whether each is a folder's.
Opened: TypeAlias = "tuple[tuple[int, bool], ...]"


def restrict(readable: Iterable[str], writable: Iterable[str], known: Opened = ()) -> bool:
    """Let this process and its children read some folders and what is known, write others, no more.

    Returns whether signals are held back as well: they then reach this process's own children and
    nobody else. `no_new_privs` must be set. Raises OSError where the machine has no Landlock.
    """
    version = syscall(_CREATE, None, 0, 1)
    handled = _HANDLED.get(version, (1 << 16) - 1 if version >= 5 else _HANDLED[1])
    scoped = version >= _SCOPED
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES) if scoped else struct.pack("=Q", handled)
    ruleset = syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    mine, others = opened(readable), opened(writable)
    try:
        for one in (*known, *mine):
            _allow(ruleset, *one, _READ & handled)
        for one in others:
            _allow(ruleset, *one, handled)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        for descriptor in (ruleset, *(one for one, _ in (*mine, *others))):
            os.close(descriptor)
    return scoped


def opened(paths: Iterable[str]) -> Opened:
    """Open what exists; what does not needs no permission."""
    found = []
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        found.append((descriptor, S_ISDIR(os.fstat(descriptor).st_mode)))
    return tuple(found)


def _allow(ruleset: int, descriptor: int, folder: bool, access: int) -> None:
    if not folder:
        access &= _OF_FILE
    syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, descriptor), 0)
