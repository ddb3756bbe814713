"""Landlock: which files a process may read and write (landlock(7)).

Interface:
    restrict        give up all files but some; raises OSError where Landlock is missing
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from .native import syscall

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
#: Everything that each version of the interface knows to handle, in bits.
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: What makes sense for a file that is no folder.
_OF_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Let this process and its children read some folders, write others, and nothing else.

    `no_new_privs` must be set. Raises OSError where the machine has no Landlock.
    """
    version = syscall(_CREATE, None, 0, 1)
    handled = _HANDLED.get(version, (1 << 16) - 1 if version >= 5 else _HANDLED[1])
    ruleset = syscall(_CREATE, struct.pack("=Q", handled), ctypes.c_size_t(8), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled)
        for path in writable:
            _allow(ruleset, path, handled)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # What does not exist needs no permission.
    try:
        if not path.is_dir():
            access &= _OF_FILE
        syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, folder), 0)
    finally:
        os.close(folder)
