"""The zygote's own program: a process that has loaded the SDK and forks one child per order.

The outer zygote forks drivers and services, and one more zygote: that one has given up the network
and most system calls, and forks agents, so that each of them only pays for what is its own.

Interface:
    python -m llmagentos.kernel.launcher.zygote_main FD
"""

from __future__ import annotations

import asyncio  # noqa: F401  # loaded here so that no child has to
import gc
import os
import select
import signal
import socket
import sys
from typing import Any

import uvloop  # noqa: F401

from ...syscalls import blocking, host, program  # noqa: F401
from ..sandbox import canary, seccomp
from ..sandbox.layers import Report
from ..sandbox.native import CLONE_NEWNET, CLONE_NEWUSER, PR_SET_PDEATHSIG, prctl, unshare
from .channel import receive, send
from .child import become


class Zygote:
    """Forks children as it is told, and tells of their ends."""

    def __init__(self, control: socket.socket, report: Report, sealed: bool) -> None:
        self._control = control
        self._report = report
        self._sealed = sealed
        self._children: dict[int, int] = {}  # the machine's number to the kernel's
        # One inner zygote for each choice of (netns, seccomp): the daemon has one such choice.
        self._inner: dict[tuple[str, str], socket.socket] = {}
        self._wakes, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Obey until the other end hangs up; then kill whatever still runs."""
        while True:
            watched: list[Any] = [self._control, self._wakes, *self._inner.values()]
            for ready in select.select(watched, [], [])[0]:
                if ready is self._control:
                    received = receive(self._control)
                    if received is None:
                        self._end()
                        return
                    self._obey(*received)
                elif ready == self._wakes:
                    os.read(self._wakes, 4096)
                    self._reap()
                else:
                    self._pass_on(ready)

    def _obey(self, order: dict[str, Any], descriptors: list[int]) -> None:
        layers = order["sandbox"]
        choice = (layers["netns"], layers["seccomp"])
        if not self._sealed and choice != ("off", "off"):
            inner = self._inner.get(choice) or self._seal(choice)
            send(inner, order, *descriptors)
        else:
            self._fork(order, descriptors[0])
        for descriptor in descriptors:
            os.close(descriptor)

    def _fork(self, order: dict[str, Any], sock: int) -> None:
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            become(order, sock, self._control, self._report)
        self._children[pid] = order["pid"]

    def _seal(self, choice: tuple[str, str]) -> socket.socket:
        """Fork a zygote that gives up what its children must not have."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for one in (ours, self._control, *self._inner.values()):
                one.close()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            Zygote(theirs, give_up(*choice), sealed=True).run()
            os._exit(0)
        theirs.close()
        self._inner[choice] = ours
        return ours

    def _pass_on(self, inner: Any) -> None:
        received = receive(inner)
        if received is None:
            # The kernel sees the end of every child with it and begins anew.
            raise SystemExit("the inner zygote has died")
        send(self._control, received[0])

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (number := self._children.pop(pid, None)) is not None:
                ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                code = 0 if ended else os.WEXITSTATUS(status)
                send(
                    self._control,
                    {"kind": "exit", "pid": number, "code": code, "signal": ended},
                )

    def _end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for inner in self._inner.values():
            inner.close()


def give_up(netns: str, seccomp_wanted: str) -> Report:
    """Leave the network and refuse system calls; say what is really so."""
    report: Report = {"netns": "off", "seccomp": "off"}
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
    if seccomp_wanted != "off":
        try:
            seccomp.restrict()
            report["seccomp"] = "enforced" if canary.sockets() else "failed"
        except OSError:
            report["seccomp"] = "unavailable"
    return report


def main() -> None:
    """Be the outer zygote on the descriptor that the command line names."""
    control = socket.socket(fileno=int(sys.argv[1]))
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is loaded stays shared with every child as long as nobody writes to it.
    gc.collect()
    gc.freeze()
    gc.disable()
    send(control, {"kind": "ready"})
    Zygote(control, {"netns": "off", "seccomp": "off"}, sealed=False).run()


if __name__ == "__main__":
    main()
