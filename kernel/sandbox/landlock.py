"""Landlock: which files a process may read and write, and whom it may signal (landlock(7)).

Interface:
    Known, prepare  what many processes will read, opened once for all of them; links are followed
    restrict        give up all files but some; raises OSError where Landlock is missing
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from stat import S_ISDIR
from typing import TypeAlias

from .native import syscall

_CREATE, _ADD_RULE, _RESTRICT, _OPENAT2 = 444, 445, 446, 437
_HERE = -100
#: How a path is opened without following a link on any of its steps.
_UNBENT = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, 4)
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
#: Everything that each version of the interface knows to handle, in bits.
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
#: From version 6 on: to nobody outside go connections to abstract sockets, nor signals.
_SCOPED, _SCOPES = 6, 1 | 2
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: What makes sense for a file that is no folder.
_OF_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL


#: What many processes share: the attributes of their rulesets, what those handle, whether signals
#: are held back, and the rules on what all of them may read, each packed.
Known: TypeAlias = "tuple[bytes, int, bool, tuple[bytes, ...]]"


def prepare(readable: Iterable[str]) -> Known:
    """Open, once for many processes, what each of them may read.

    Raises OSError where the machine has no Landlock.
    """
    version = syscall(_CREATE, None, 0, 1)
    handled = _HANDLED.get(version, (1 << 16) - 1 if version >= 5 else _HANDLED[1])
    scoped = version >= _SCOPED
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES) if scoped else struct.pack("=Q", handled)
    return attributes, handled, scoped, tuple(_rules(readable, _READ & handled)[0])


def restrict(readable: Iterable[str], writable: Iterable[str], known: Known | None = None) -> bool:
    """Let this process and its children read some folders and what is known, write others, no more.

    What is readable is named as it really lies: a folder on the way that has become a link since
    somebody looked at it leads nowhere.
    Returns whether signals are held back as well: they then reach this process's own children and
    nobody else. `no_new_privs` must be set. Raises OSError where the machine has no Landlock.
    """
    attributes, handled, scoped, rules = known or prepare(())
    ruleset = syscall(_CREATE, attributes, len(attributes), 0)
    opened = [ruleset]
    try:
        for paths, access, unbent in (
            (readable, _READ & handled, True),
            (writable, handled, False),
        ):
            more, descriptors = _rules(paths, access, unbent)
            rules += tuple(more)
            opened += descriptors
        for rule in rules:
            syscall(_ADD_RULE, ruleset, 1, rule, 0)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return scoped


def _rules(
    paths: Iterable[str], access: int, unbent: bool = False
) -> tuple[list[bytes], list[int]]:
    """Return the rules on what exists, packed, and the descriptors that they name."""
    rules, descriptors = [], []
    for path in paths:
        try:
            if unbent:
                place = os.fsencode(path)
                descriptor = syscall(_OPENAT2, _HERE, place, _UNBENT, len(_UNBENT))
            else:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # What does not exist needs no permission.
        folder = S_ISDIR(os.fstat(descriptor).st_mode)
        allowed = access if folder else access & _OF_FILE
        rules.append(struct.pack("=Qi", allowed, descriptor))
        descriptors.append(descriptor)
    return rules, descriptors
