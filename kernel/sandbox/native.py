"""The machine's own calls that Python has no name for.

Interface:
    syscall, prctl, unshare, mount      as in the manual, raising OSError
    capset                      give up all privileges
    fork                        a copy of this process, nothing run in it
"""

from __future__ import annotations

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
#: The same without letting go of the interpreter's lock, which a copy would never get back.
_held = ctypes.PyDLL(None, use_errno=True)
_syscall, _prctl, _fork = _libc.syscall, _libc.prctl, _held.fork
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 15, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS = 0x10000000, 0x40000000, 0x20000


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by its number."""
    return _check(_syscall(number, *arguments))


def prctl(option: int, first: object = 0, second: object = 0) -> int:
    """Change what the kernel does for this process."""
    # It insists on zeros, and libffi widens an int to the whole register.
    return _check(_prctl(option, first, second, 0, 0))


def unshare(flags: int) -> int:
    """Leave namespaces."""
    return _check(_libc.unshare(flags))


def mount(source: bytes, target: bytes, flags: int) -> int:
    """Change what is mounted where."""
    return _check(_libc.mount(source, target, None, ctypes.c_ulong(flags), None))


def capset() -> int:
    """Give up this process's privileges: effective, permitted and inheritable."""
    version_3 = struct.pack("=Ii", 0x20080522, 0)
    return _check(_libc.capset(ctypes.c_char_p(version_3), ctypes.c_char_p(bytes(24))))


def fork() -> int:
    """Copy this process, which must have one thread; return 0 in the copy.

    `os.fork` also runs what modules have asked for in a copy (new locks, new random numbers),
    which after it costs more memory than all else; a process without other threads needs no new
    locks. Random numbers are the caller's affair.
    """
    return _check(_fork())
