"""Seccomp: which system calls a process may make (seccomp(2)).

A refused call fails with EPERM, so that a program sees an error and not its death.

Interface:
    restrict        refuse connections, what could undo the sandbox, and to bend other processes
    compiled        the same as a program, for whoever installs it elsewhere
    number          a call's number
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Mapping

from .native import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

_MODE_FILTER = 2
_LOAD, _EQUAL, _RETURN, _AT_LEAST, _ANY_OF, _AND = 0x20, 0x15, 0x06, 0x35, 0x45, 0x54
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

#: Architecture to its audit number and the refused calls' numbers. `socketpair` is not among
#: them: event loops need it, and both its ends stay within the process, but for datagrams.
_REFUSED = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288,
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
            "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308,
            "unshare": 272, "kexec_load": 246, "kexec_file_load": 320, "bpf": 321,
            "init_module": 175, "finit_module": 313, "delete_module": 176,
            "perf_event_open": 298, "keyctl": 250, "add_key": 248, "request_key": 249,
            "userfaultfd": 323, "open_by_handle_at": 304, "reboot": 169, "swapon": 167,
            "swapoff": 168, "quotactl": 179, "syslog": 103, "acct": 163, "sethostname": 170,
            "setdomainname": 171, "settimeofday": 164, "clock_settime": 227, "adjtimex": 159,
            "clock_adjtime": 305, "move_pages": 279, "migrate_pages": 256, "vhangup": 153,
            "lookup_dcookie": 212, "iopl": 172, "ioperm": 173,
            "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66,
            "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
            "mq_open": 240, "mq_unlink": 241,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201,
            "accept4": 242, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
            "kcmp": 272, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "setns": 268,
            "unshare": 97, "kexec_load": 104, "kexec_file_load": 294, "bpf": 280,
            "init_module": 105, "finit_module": 273, "delete_module": 106,
            "perf_event_open": 241, "keyctl": 219, "add_key": 217, "request_key": 218,
            "userfaultfd": 282, "open_by_handle_at": 265, "reboot": 142, "swapon": 224,
            "swapoff": 225, "quotactl": 60, "syslog": 116, "acct": 89, "sethostname": 161,
            "setdomainname": 162, "settimeofday": 170, "clock_settime": 112, "adjtimex": 171,
            "clock_adjtime": 266, "move_pages": 239, "migrate_pages": 238, "vhangup": 58,
            "lookup_dcookie": 18,
            "shmget": 194, "shmctl": 195, "shmat": 196, "semget": 190, "semctl": 191,
            "semtimedop": 192, "semop": 193, "msgget": 186, "msgctl": 187, "msgrcv": 188,
            "msgsnd": 189, "mq_open": 180, "mq_unlink": 181,
        },
    ),
}  # fmt: skip
#: The same, of calls that have one number on every machine.
_EVERYWHERE = {
    "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431,
    "fsmount": 432, "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440,
    "mount_setattr": 442, "quotactl_fd": 443,
}  # fmt: skip
#: `clone` by machine, and the flags with which it makes a namespace: there a process would have
#: all privileges, and with them much of the machine's kernel to try. What `clone3` is asked for
#: cannot be looked at; programs that are told that there is none take `clone`.
_CLONE = {"x86_64": 56, "aarch64": 220}
_NAMESPACES, _CLONE3 = 0x7E020080, 435

#: Calls that may only concern the caller itself: their numbers, and which arguments must be what.
#: Landlock keeps an agent from other processes' files and from sending them signals, but not from
#: their limits and ranks.
_SELFISH = {
    "x86_64": {
        "prlimit64": (302, {0: 0}), "setpriority": (141, {0: 0, 1: 0}),
        "sched_setparam": (142, {0: 0}), "sched_setscheduler": (144, {0: 0}),
        "sched_setaffinity": (203, {0: 0}), "sched_setattr": (314, {0: 0}),
        "ioprio_set": (251, {0: 1, 1: 0}),
    },
    "aarch64": {
        "prlimit64": (261, {0: 0}), "setpriority": (140, {0: 0, 1: 0}),
        "sched_setparam": (118, {0: 0}), "sched_setscheduler": (119, {0: 0}),
        "sched_setaffinity": (122, {0: 0}), "sched_setattr": (274, {0: 0}),
        "ioprio_set": (30, {0: 1, 1: 0}),
    },
}  # fmt: skip


#: Watching files by their paths, which asks Landlock nothing: the names of what others open and
#: write would be told. Programs that see no others' files may do it.
_WATCHING = {
    "x86_64": {"inotify_init": 253, "inotify_init1": 294, "inotify_add_watch": 254,
               "fanotify_init": 300, "fanotify_mark": 301},
    "aarch64": {"inotify_init1": 26, "inotify_add_watch": 27,
                "fanotify_init": 262, "fanotify_mark": 263},
}  # fmt: skip

#: A pair of sockets for datagrams is one that can send to any third, by its path. So there are
#: pairs of two kinds alone; the kind stands in the lower bits.
_SOCKETPAIR, _KIND = {"x86_64": 53, "aarch64": 199}, 0xF

#: What sockets of the internet need.
_INTERNET = frozenset({"socket", "connect", "accept", "bind", "listen", "accept4"})


def restrict(internet: bool = False) -> None:
    """Refuse those calls to this process and its children, for good. Raises OSError.

    With `internet`, sockets of the internet are allowed, and no others.
    """
    program = compiled(internet, watching=False)
    code = ctypes.create_string_buffer(program)
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header))


def compiled(internet: bool = False, watching: bool = True) -> bytes:
    """Return the filter as a program of the machine's. Raises OSError where there is no list.

    `watching` is for programs that see no files but those that are meant for them.
    """
    machine = platform.machine()
    if machine not in _REFUSED:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    audit, numbers = _REFUSED[machine]
    program = [
        _instruction(_LOAD, 4),  # the architecture
        _instruction(_EQUAL, audit, yes=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, 0),  # the number of the call
    ]
    if machine == "x86_64":  # The x32 numbers would pass by the list.
        program += [_instruction(_AT_LEAST, 0x40000000, no=1), _instruction(_RETURN, _KILL)]
    if internet:
        program += _internet_only(numbers["socket"])
    refused = numbers | _EVERYWHERE | ({} if watching else _WATCHING[machine])
    for name, number in refused.items():
        if internet and name in _INTERNET:
            continue
        program += [
            _instruction(_EQUAL, number, no=1),
            _instruction(_RETURN, _ERRNO | errno.EPERM),
        ]
    for number, wanted in _SELFISH[machine].values():
        program += _unless(number, wanted)
    program += _pairs(_SOCKETPAIR[machine])
    program += [
        _instruction(_EQUAL, _CLONE3, no=1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        _instruction(_EQUAL, _CLONE[machine], no=3),
        _instruction(_LOAD, 16),  # the flags
        _instruction(_ANY_OF, _NAMESPACES, no=1),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def number(name: str) -> int:
    """Return this machine's number of a call that the filter knows. Raises OSError."""
    machine = platform.machine()
    if machine not in _REFUSED:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    return {**_REFUSED[machine][1], **_EVERYWHERE, "clone": _CLONE[machine]}[name]


def _internet_only(number: int) -> list[bytes]:
    """Return what lets a socket of the internet be made, and refuses any other."""
    return [
        _instruction(_EQUAL, number, no=5),
        _instruction(_LOAD, 16),  # the family of addresses
        _instruction(_EQUAL, socket.AF_INET, yes=1),
        _instruction(_EQUAL, socket.AF_INET6, no=1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]


def _pairs(number: int) -> list[bytes]:
    """Return what lets a pair of connected sockets be made, and refuses any other."""
    return [
        _instruction(_EQUAL, number, no=6),
        _instruction(_LOAD, 24),  # the kind
        _instruction(_AND, _KIND),
        _instruction(_EQUAL, socket.SOCK_STREAM, yes=2),
        _instruction(_EQUAL, socket.SOCK_SEQPACKET, yes=1),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]


def _unless(number: int, wanted: Mapping[int, int]) -> list[bytes]:
    """Return what lets a call pass with the wanted arguments, and else refuses it."""
    length = 2 * len(wanted)
    block = [_instruction(_EQUAL, number, no=length + 2)]
    for index, value in wanted.items():
        # Of an argument's 64 bits the lower half, all that these calls look at. What differs goes
        # to the last line.
        block += [
            _instruction(_LOAD, 16 + 8 * index),
            _instruction(_EQUAL, value, no=length - len(block)),
        ]
    return [*block, _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _ERRNO | errno.EPERM)]


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
