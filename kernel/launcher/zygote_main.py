"""The zygote's own program: a process that has loaded the SDK and forks one child per order.

One whose children are agents has given up the network, its privileges and most system calls before
it takes the first order, so that each of them only pays for what is its own.

Whatever a child has started ends with it: its group is killed, and what has left the group comes
back here as an orphan.

Interface:
    python -m llmagentos.kernel.launcher.zygote_main FD NETNS SECCOMP WRITABLE LIFELINE ENTRY...
                    WRITABLE are the folders that children may write, one a line, or `-` for all;
                    LIFELINE may be `-`; of each ENTRY, `module:name`, the interface is loaded
"""

from __future__ import annotations

import asyncio  # noqa: F401  # loaded here so that no child has to
import fcntl
import gc
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop  # noqa: F401

from ...syscalls import blocking, host, program, steady  # noqa: F401
from ...syscalls.os import OURS
from ...syscalls.table import describe, read
from ..sandbox import canary, mounts, privileges, seccomp
from ..sandbox.layers import Report
from ..sandbox.native import (
    CLONE_NEWNET,
    CLONE_NEWUSER,
    PR_SET_CHILD_SUBREAPER,
    fork,
    prctl,
    unshare,
)
from . import child
from .channel import Slate, send
from .child import SOCKET, become, readable
from .ground import fill
from .group import signal_group

#: Where the descriptors begin that no child keeps.
FAR = 512
#: Python specialises code that has run a few times, and writes to it.
REHEARSALS = 12


def _wake(number: int, frame: FrameType | None) -> None:
    """Let a signal arrive by the descriptor for wake-ups."""


class Zygote:
    """Forks children as it is told, and tells of their ends."""

    def __init__(self, control: socket.socket, report: Report, kept: int) -> None:
        """`kept`: the first descriptor that no child keeps; before it lie those of the loop."""
        self._control = control
        self._kept = kept
        self._report = report
        self._slate = Slate()
        self._known = readable()
        self._children: dict[int, int] = {}  # the machine's number to the kernel's
        self._wakes, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Obey until the other end hangs up; then kill whatever still runs."""
        watched: list[Any] = [self._control, self._wakes]
        while True:
            for ready in select.select(watched, [], [])[0]:
                if ready is self._control:
                    received = self._slate.receive(self._control)
                    if received is None:
                        self._end()
                        return
                    self._obey(*received)
                else:
                    os.read(self._wakes, 4096)
                    self._reap()

    def _obey(self, number: int, descriptors: list[int]) -> None:
        try:
            (sock,) = descriptors  # Out of descriptors, this process is given none.
            pid = fork()
        except (OSError, ValueError) as error:
            print(f"process {number} cannot be forked: {error}", file=sys.stderr)
            self._tell_end(number, 126, 0)
        else:
            if pid == 0:
                signal.set_wakeup_fd(-1)
                become(self._slate, sock, self._control, self._report, self._known, self._kept)
            self._children[pid] = number
        finally:
            # The next one that is copied from here may be somebody else's.
            self._slate.wipe()
            for descriptor in descriptors:
                os.close(descriptor)

    def _reap(self) -> None:
        ended: list[tuple[int, int]] = []
        with suppress(ChildProcessError):
            while one := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                number = self._children.pop(one.si_pid, None)
                if number is not None:
                    # Until it is waited for, its number is nobody else's.
                    signal_group(one.si_pid, signal.SIGKILL)
                _, status = os.waitpid(one.si_pid, 0)
                if number is not None:
                    ended.append((number, status))
        self._sweep()
        for number, status in ended:
            signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            self._tell_end(number, 0 if signalled else os.WEXITSTATUS(status), signalled)

    def _sweep(self) -> None:
        """Kill the orphans that belong to no living child: what an ended one had started, and
        what a living one has sent away on purpose."""
        for orphan in _own_children() - self._children.keys():
            with suppress(ProcessLookupError):
                if os.getsid(orphan) not in self._children:
                    signal_group(orphan, signal.SIGKILL)

    def _tell_end(self, number: int, code: int, signalled: int) -> None:
        message = {"kind": "exit", "pid": number, "code": code, "signal": signalled}
        with suppress(ConnectionError):  # The next look at the line shows that nobody is there.
            send(self._control, message)

    def _end(self) -> None:
        for pid in self._children:
            signal_group(pid, signal.SIGKILL)
        self._children.clear()
        with suppress(ChildProcessError):
            while True:
                self._sweep()
                os.waitpid(-1, 0)
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _own_children() -> set[int]:
    """Return this process's children; none where the machine does not list them."""
    me = os.getpid()
    try:
        return set(map(int, Path(f"/proc/{me}/task/{me}/children").read_text().split()))
    except OSError:
        return set()


def give_up(netns: str, seccomp_wanted: str, writable: str = "-") -> Report:
    """Leave the network, all files but some, the privileges and most system calls; say what is
    really so."""
    report: Report = {"netns": "off", "mounts": "off", "privileges": "off", "seccomp": "off"}
    if netns != "off":
        home = os.stat("/proc/self/ns/net").st_ino
        try:
            try:
                unshare(CLONE_NEWNET)
            except PermissionError:
                unshare(CLONE_NEWUSER | CLONE_NEWNET)
            report["netns"] = "enforced" if canary.network(home) else "failed"
        except OSError:
            report["netns"] = "unavailable"
    if writable != "-":
        try:
            mounts.seal(writable.splitlines())
            report["mounts"] = "enforced" if canary.mounts() else "failed"
        except OSError:
            report["mounts"] = "unavailable"
    if (netns, seccomp_wanted) != ("off", "off"):
        try:
            privileges.drop()
            report["privileges"] = "enforced" if canary.privileges() else "failed"
        except OSError:
            report["privileges"] = "unavailable"
    if seccomp_wanted != "off":
        try:
            seccomp.restrict()
            held = canary.sockets() and canary.calls()
            report["seccomp"] = "enforced" if held else "failed"
        except OSError:
            report["seccomp"] = "unavailable"
    return report


def _moved(descriptor: int, wanted: int) -> socket.socket:
    """Return the socket of a descriptor, which is moved to another one."""
    os.dup2(descriptor, wanted, inheritable=False)
    if descriptor != wanted:
        os.close(descriptor)
    return socket.socket(fileno=wanted)


def _load(entry: str) -> None:
    """Load an interface, and describe it, so that its process need not."""
    # Where it cannot be loaded, its own process says why.
    with suppress(Exception):
        describe(host.load(entry))


def _past_open() -> int:
    """Return the number past this process's open descriptors."""
    folder = "/proc/self/fd"
    # Among them is the folder's own, which is gone after.
    numbers = [int(one) for one in os.listdir(folder) if os.path.lexists(f"{folder}/{one}")]
    return 1 + max(one for one in numbers if one < FAR)


def main() -> None:
    """Be a zygote on the descriptor that the command line names."""
    if sys.argv[5] != "-":
        # Past the descriptors that children keep.
        lifeline = int(sys.argv[5])
        fcntl.fcntl(lifeline, fcntl.F_DUPFD_CLOEXEC, FAR)
        os.close(lifeline)
    control = _moved(int(sys.argv[1]), SOCKET)
    # It ends when the kernel hangs up, and not before whatever it has started.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    report = give_up(*sys.argv[2:5])
    try:
        # Orders that come from now on wait until all is loaded.
        send(control, {"kind": "ready"})
    except ConnectionError:  # The kernel has gone meanwhile.
        return
    # A child's output goes where its descriptors point; what writes to them is the same.
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", buffering=1, closefd=False)
    sys.stderr = open(2, "w", buffering=1, closefd=False)
    # What is loaded stays shared with every child as long as nobody writes to it.
    for interface in OURS:
        read(interface)
    for entry in sys.argv[6:]:
        _load(entry)
    for _ in range(REHEARSALS):
        program.rehearse()
        child.rehearse()
    program.prepare()
    kept = _past_open()
    gc.collect()
    held = fill()
    gc.freeze()
    gc.disable()
    Zygote(control, report, kept).run()
    del held


if __name__ == "__main__":
    main()
