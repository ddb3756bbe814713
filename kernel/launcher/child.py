"""A new process on its way from the zygote's copy to the program's first line.

Whatever runs here copies the pages that it touches, even to count a reference, and that is most of
what a process costs. So it runs little: plain functions, no enums, paths or context managers.

Interface:
    become          never returns; runs the program and exits
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums
import ctypes
import gc
import os
import random
import resource
import socket
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from ..sandbox import canary, landlock
from ..sandbox.layers import Report, Sandbox, missing
from ..sandbox.native import PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from . import loopback
from .channel import send

#: Where programs and their libraries live on any Linux.
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime",
           "/etc/ssl/certs", "/etc/mime.types", "/dev/urandom", "/dev/zero",
           "/proc/meminfo", "/proc/cpuinfo", "/sys/devices/system/cpu")  # fmt: skip
#: Where Python and this package live. Found once, in the zygote: to look costs more than all else
#: that a child does.
_PYTHON = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path,
           str(Path(__file__).resolve().parents[2])} - {""}  # fmt: skip
_READABLE = (*_SYSTEM, *sorted(_PYTHON))
#: Another folder for every process.
_OWN = "/proc/self"
#: The socket's descriptor in every process.
SOCKET = 3


def become(
    order: Mapping[str, Any],
    sock: int,
    answer: socket.socket,
    report: Report,
    known: landlock.Opened,
) -> NoReturn:
    """Turn this fork of a zygote into the process that `order` describes."""
    code = 1
    try:
        sandbox = Sandbox(**order["sandbox"])
        _settle(order)
        report = {**report, **_restrict(sandbox, order, known)}
        lacking = missing(sandbox, report)
        send(
            answer,
            {
                "kind": "report",
                "pid": order["pid"],
                "os_pid": os.getpid(),
                "report": report,
                "missing": lacking,
            },
        )
        answer.close()
        if not lacking:
            os.dup2(sock, SOCKET, inheritable=order["argv"] is not None)
            os.closerange(SOCKET + 1, 4096)
            code = _run(order)
    except SystemExit as leaving:
        code = _code(leaving)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(code)


def _settle(order: Mapping[str, Any]) -> None:
    """Give the process its own session, output, folder and name."""
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    os.setsid()
    random.seed()
    for number in (_signal.SIGTERM, _signal.SIGCHLD, _signal.SIGHUP):
        _signal.signal(number, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(order["home"])
    os.environ["HOME"] = order["home"]
    for name, value in order["environment"].items():
        os.environ[name] = value
    prctl(PR_SET_NAME, ctypes.c_char_p(order["title"].encode()[:15]))


def readable() -> landlock.Opened:
    """Open, before the fork, what every child of a zygote may read."""
    return landlock.opened(_READABLE)


def _restrict(sandbox: Sandbox, order: Mapping[str, Any], known: landlock.Opened = ()) -> Report:
    """Apply the layers of one process and try each of them out."""
    report: Report = {}
    endpoint = order.get("endpoint")
    if endpoint is not None:
        report.update(loopback.enter(sandbox, endpoint, order["title"]))
    if sandbox.rlimits != "off":
        report["rlimits"] = _limit(sandbox)
    else:
        report["rlimits"] = "off"
    if sandbox.landlock != "off":
        try:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            readable, writable = (_OWN, *order["readable"]), (order["home"], os.devnull)
            scoped = landlock.restrict(readable, writable, known)
            report["landlock"] = "enforced" if canary.files() else "failed"
            report["signals"] = "unavailable"
            if scoped:
                report["signals"] = "enforced" if canary.signals() else "failed"
        except OSError:
            report["landlock"] = report["signals"] = "unavailable"
    else:
        report["landlock"] = report["signals"] = "off"
    if endpoint is not None:
        report["seccomp"] = loopback.seal(sandbox, report)
    return report


def _limit(sandbox: Sandbox) -> str:
    wanted = {
        resource.RLIMIT_AS: sandbox.memory,
        resource.RLIMIT_NOFILE: sandbox.files,
        resource.RLIMIT_CPU: sandbox.cpu,
        resource.RLIMIT_FSIZE: sandbox.file_size,
        resource.RLIMIT_CORE: 0,
    }
    try:
        for kind, most in wanted.items():
            if most is not None:
                hard = resource.getrlimit(kind)[1]
                bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(kind, (bound, bound))
    except (OSError, ValueError):
        return "failed"
    return "enforced" if sandbox.files is None or canary.limits() else "failed"


def _run(order: Mapping[str, Any]) -> int:
    if order["argv"] is not None:
        os.environ["LLMAGENTOS_FD"] = str(SOCKET)
        # Python ignores it, and a program that is executed would go on doing so.
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
        try:
            os.execvp(order["argv"][0], order["argv"])
        except OSError as error:
            print(f"aos: {order['argv'][0]}: {error.strerror}", file=sys.stderr)
            return 127 if isinstance(error, FileNotFoundError) else 126
    gc.enable()
    module, _, name = order["entry"].partition(":")
    outcome = getattr(import_module(module), name)(order["arguments"], socket.socket(fileno=SOCKET))
    return outcome if isinstance(outcome, int) else 0


def _code(leaving: SystemExit) -> int:
    """Return the exit code, as Python would: a text is printed and is a failure."""
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    print(leaving.code, file=sys.stderr)
    return 1


def _leave(code: int) -> NoReturn:
    try:
        import threading

        threading._shutdown()  # type: ignore[attr-defined]  # as Python does at its own end
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)
