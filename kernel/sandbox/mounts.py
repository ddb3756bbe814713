"""Mounts: what lies outside of some folders is read-only, whoever asks (mount_setattr(2)).

Landlock sees that a file is opened, made or removed. It does not see that its mode, its times, its
owner or its attributes are changed by its path, and any process of the file's owner may do that.

Interface:
    seal            in a namespace of mounts of this process's own; raises OSError
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from .native import CLONE_NEWNS, CLONE_NEWUSER, mount, syscall, unshare

_SETATTR, _HERE, _RECURSIVE = 442, -100, 0x8000
_READ_ONLY = 1
_BIND, _ALL, _SLAVE = 0x1000, 0x4000, 0x80000


def seal(writable: Iterable[str]) -> None:
    """Leave all but some folders read-only to this process and its children.

    What is mounted outside later is still seen. Raises OSError, after which nothing has changed but
    for a namespace of this process's own.
    """
    try:
        unshare(CLONE_NEWNS)
    except PermissionError:
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
    places = [os.fsencode(one) for one in writable if os.path.isdir(one)]
    mount(b"none", b"/", _SLAVE | _ALL)
    for place in places:
        mount(place, place, _BIND | _ALL)
    _set(b"/", struct.pack("=QQQQ", _READ_ONLY, 0, 0, 0))
    for place in places:
        _set(place, struct.pack("=QQQQ", 0, _READ_ONLY, 0, 0))


def _set(place: bytes, attributes: bytes) -> None:
    syscall(_SETATTR, _HERE, place, _RECURSIVE, attributes, len(attributes))
