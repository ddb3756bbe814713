"""A network of a program's own, with one way out: to the gateway.

A program that knows nothing of this system speaks HTTP, so it needs sockets. It gets those of the
internet alone, in a network namespace in which there is a loopback interface and nothing else.
Whoever listens there is a relay, a small process beside the program's, which hands each connection
as a descriptor to the gateway, over a Unix socket that the program itself cannot reach: only the
gateway learns what is said on it.

Interface:
    enter           leave the network and start the relay
    seal            give up all system calls but those that this network takes
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums
import ctypes
import fcntl
import os
import platform
import socket
import struct
import sys
import time
from typing import NoReturn

from ..sandbox import canary, mounts, privileges, seccomp
from ..sandbox.layers import Report, Sandbox
from ..sandbox.native import (
    CLONE_NEWNET,
    CLONE_NEWUSER,
    PR_SET_NAME,
    PR_SET_PDEATHSIG,
    prctl,
    unshare,
)

#: The gateway's port, in a network of one's own.
PORT = 8765
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_CLONE_PARENT = 0x8000
#: Seconds for which a connection waits for a gateway that is away, and between two tries: a program
#: may be quicker than a daemon that has just begun.
PATIENCE, MOMENT = 10.0, 0.05
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def enter(sandbox: Sandbox, endpoint: str, title: str, home: str) -> Report:
    """Leave the network and all files but those of `home`, give up all privileges, and start a
    relay to the socket `endpoint`.

    Where a network of its own is wanted and cannot be had, there is no relay, and `seal` allows no
    sockets: rather no gateway than the whole internet.
    """
    report: Report = {"netns": "off", "mounts": "off", "privileges": "off"}
    if sandbox.netns != "off":
        report["netns"] = _leave()
    listener = None
    if report["netns"] in ("enforced", "off"):
        port = PORT if report["netns"] == "enforced" else 0
        listener = socket.create_server(("127.0.0.1", port))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        os.environ.setdefault("LLMAGENTOS_URL", url)
        os.environ.setdefault("OPENAI_BASE_URL", f"{url}/v1")
    else:
        print("aos: no network of its own could be made, so this program has none", file=sys.stderr)
    if sandbox.landlock != "off":
        try:
            mounts.seal((home,) if sandbox.group is None else (home, sandbox.group))
            os.chdir(home)  # Below what was mounted there, where it stood, nothing can be written.
            report["mounts"] = "enforced" if canary.mounts() else "failed"
        except OSError:
            report["mounts"] = "unavailable"
    if sandbox.isolated:
        try:
            privileges.drop()
            report["privileges"] = "enforced" if canary.privileges() else "failed"
        except OSError:
            report["privileges"] = "unavailable"
    if listener is not None:
        with listener:
            if _fork_beside() == 0:
                _relay(listener, endpoint, title)
    return report


def seal(sandbox: Sandbox, report: Report) -> str:
    """Give up what `seccomp` refuses, but for the internet's sockets where that is safe or asked
    for; say what is really so."""
    if sandbox.seccomp == "off":
        return "off"
    reachable = report["netns"] in ("enforced", "off")
    try:
        seccomp.restrict(internet=reachable)
    except OSError:
        return "unavailable"
    held = canary.local_sockets() if reachable else canary.sockets()
    return "enforced" if held and canary.calls() else "failed"


def _leave() -> str:
    home = os.stat("/proc/self/ns/net").st_ino
    try:
        try:
            unshare(CLONE_NEWNET)
        except PermissionError:
            unshare(CLONE_NEWUSER | CLONE_NEWNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))
    except OSError:
        return "unavailable"
    return "enforced" if canary.network(home) else "failed"


def _fork_beside() -> int:
    """Copy this process; the copy is a child of this one's parent, the zygote, which buries it.
    A program that waits for all its children would else wait for it."""
    number = 56 if platform.machine() == "x86_64" else 220
    clone = ctypes.PyDLL(None, use_errno=True).syscall
    flags = ctypes.c_long(_CLONE_PARENT | _signal.SIGCHLD)
    copy: int = clone(ctypes.c_long(number), flags, *[ctypes.c_long(0)] * 4)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "the relay cannot be forked")
    return copy


def _relay(listener: socket.socket, endpoint: str, title: str) -> NoReturn:
    """Hand on connections until the process that this one stands beside ends, and the zygote with
    it kills this one."""
    try:
        prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
        prctl(PR_SET_NAME, ctypes.c_char_p(f"{title}-net".encode()[:15]))
        # A program that is asked to end may want to say something first.
        for number in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
            _signal.signal(getattr(_signal, number), _signal.SIG_IGN)
        os.closerange(3, listener.fileno())
        os.closerange(listener.fileno() + 1, 4096)
        folder, name = os.path.split(endpoint)
        os.chdir(folder)  # A Unix socket's address holds 107 bytes.
        gateway: socket.socket | None = None
        patience = PATIENCE
        while True:
            try:
                connection, _ = listener.accept()
            except ConnectionError:
                continue  # It has hung up already.
            with connection:
                gateway = _pass_on(connection, gateway, name, patience)
            patience = PATIENCE if gateway is not None else 0.0  # It is waited for in vain once.
    finally:
        os._exit(1)


def _pass_on(
    connection: socket.socket, gateway: socket.socket | None, name: str, patience: float
) -> socket.socket | None:
    """Hand a connection to the gateway, over a new socket where there was none or it has gone."""
    for attempt in range(2 + round(patience / MOMENT)):
        if attempt > 1:
            time.sleep(MOMENT)
        try:
            if gateway is None:
                gateway = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                gateway.connect(name)
            socket.send_fds(gateway, [b"\0"], [connection.fileno()])
            return gateway
        except OSError:
            if gateway is not None:
                gateway.close()
                gateway = None
    try:
        connection.sendall(_UNAVAILABLE)
    except OSError:
        pass  # It has hung up.
    return None
