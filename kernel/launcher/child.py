"""A new process on its way from the zygote's copy to the program's first line.

Whatever runs here copies the pages that it touches, even to count a reference, and that is most of
what a process costs. So it runs little, and plain names: a module's attribute would also touch the
module, the attribute's name and the cache of what was looked up.

Interface:
    become          never returns; runs the program and exits
    readable        what every copy may read
"""

from __future__ import annotations

import random
import sys
import sysconfig
import traceback

# What `signal` wraps in enums.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGCHLD,
    SIGINT,
    SIGKILL,
    SIGPIPE,
    SIGTERM,
    default_int_handler,
    signal,
)
from collections.abc import Mapping, Sequence
from gc import enable
from importlib import import_module
from os import (
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_WRONLY,
    _exit,
    chdir,
    closerange,
    devnull,
    dup2,
    environ,
    execvp,
    getpid,
    setsid,
)
from os import open as open_file
from pathlib import Path
from resource import (
    RLIM_INFINITY,
    RLIMIT_AS,
    RLIMIT_CORE,
    RLIMIT_CPU,
    RLIMIT_FSIZE,
    RLIMIT_NOFILE,
    getrlimit,
    setrlimit,
)
from socket import AF_UNIX, SOCK_STREAM, socket, socketpair
from typing import Any, NoReturn

from ...syscalls import program
from ..sandbox import canary
from ..sandbox.landlock import Known, prepare, restrict
from ..sandbox.layers import Report, Sandbox, missing
from ..sandbox.native import PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from . import loopback
from .channel import Slate, send

#: Where programs and their libraries live on any Linux.
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime",
           "/etc/ssl/certs", "/etc/mime.types", "/dev/urandom", "/dev/zero",
           "/proc/meminfo", "/proc/cpuinfo", "/sys/devices/system/cpu")  # fmt: skip
#: Where Python and this package live. Found once, in the zygote: to look costs more than all else
#: that a child does.
_PYTHON = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path,
           str(Path(__file__).resolve().parents[2])} - {""}  # fmt: skip
READABLE = (*_SYSTEM, *sorted(_PYTHON))
#: The socket's descriptor in every process.
SOCKET = 3
_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
_LIMITED = (RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_CPU, RLIMIT_FSIZE)
#: `random.seed()` without what it does besides in Python.
_seed = super(random.Random, random._inst).seed


def become(
    slate: Slate, sock: int, answer: socket, report: Report, known: Known | None, kept: int
) -> NoReturn:
    """Turn this fork of a zygote into the process that the order on the slate describes.

    `kept`: the first descriptor that is not to be kept.
    """
    code = 1
    try:
        # A list, since the keys of a map are looked up among all names of the process.
        (pid, title, entry, argv, arguments, home, log,
         readable, environment, sandbox, endpoint) = slate.read()  # fmt: skip
        _settle(title, home, log, environment)
        if endpoint is None:
            report = {**report, **_restrict(sandbox, home, readable, known)}
        else:
            box = Sandbox.read(sandbox)
            report = {**report, **loopback.enter(box, endpoint, title, home)}
            report |= _restrict(sandbox, home, readable, known)
            report["seccomp"] = loopback.seal(box, report)
        lacking = missing(sandbox, report)
        _answer(answer, pid, report, lacking)
        if not lacking:
            # Also closes the line: SOCKET is its descriptor here.
            dup2(sock, SOCKET, argv is not None)
            closerange(kept, 4096)
            code = _run(entry, arguments) if argv is None else _execute(argv)
    except SystemExit as leaving:
        code = _code(leaving)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(code)


def _settle(title: str, home: str, log: str, environment: Mapping[str, str]) -> None:
    """Give the process its own session, output, folder and name."""
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    setsid()
    _seed()
    signal(SIGTERM, SIG_DFL)
    signal(SIGCHLD, SIG_DFL)
    signal(SIGINT, default_int_handler)
    # Its input is the zygote's, which is empty.
    output = open_file(log, _APPEND, 0o600)
    dup2(output, 1)
    dup2(output, 2)
    chdir(home)
    environ["HOME"] = home
    for name, value in environment.items():
        environ[name] = value
    prctl(PR_SET_NAME, title.encode()[:15])


def rehearse() -> None:
    """Do once of all this what leaves nothing behind."""
    environ["HOME"] = environ.get("HOME", "")
    canary.limits()
    canary.files()
    canary.writes("/proc/self")
    canary.signals()
    sandbox = Sandbox.none().wire()
    report = _restrict(sandbox, "", ())
    missing(sandbox, report)
    ours, theirs = socketpair()
    with ours, theirs:
        _answer(ours, 1, report, [])


def _answer(line: socket, pid: int, report: Report, lacking: list[str]) -> None:
    message = {"kind": "report", "pid": pid, "os_pid": getpid()}
    send(line, {**message, "report": report, "missing": lacking})


def readable() -> Known | None:
    """Open, before the fork, what every child of a zygote may read; None without Landlock."""
    try:
        return prepare(READABLE)
    except OSError:
        return None


def _restrict(
    sandbox: Sequence[Any], home: str, readable: Sequence[str], known: Known | None = None
) -> Report:
    """Apply the layers of one process and try each of them out."""
    _, _, landlock, rlimits, cgroup, *bounds = sandbox
    *limits, processes, resident, cores, group = bounds
    report: Report = {"rlimits": "off", "cgroup": "off", "landlock": "off", "signals": "off"}
    if cgroup != "off":
        report["cgroup"] = "unavailable"
        if group is not None:
            report["cgroup"] = _enter(group, processes, resident, cores)
    if rlimits != "off":
        report["rlimits"] = _limit(limits)
    if landlock != "off":
        try:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            # Its own folder there; `/proc/self` is a link.
            scoped = restrict((f"/proc/{getpid()}", *readable), (home, devnull), known)
            held = canary.files() and canary.writes(home)
            report["landlock"] = "enforced" if held else "failed"
            report["signals"] = "unavailable"
            if scoped:
                report["signals"] = "enforced" if canary.signals() else "failed"
        except OSError:
            report["landlock"] = report["signals"] = "unavailable"
    return report


def _enter(group: str, processes: int | None, resident: int | None, cores: float | None) -> str:
    """Enter a control group of this process's own."""
    from ..sandbox.cgroup import enter

    try:
        return (
            "enforced" if enter(group, f"aos-{getpid()}", resident, processes, cores) else "failed"
        )
    except OSError:
        return "failed"


def _limit(limits: Sequence[int | None]) -> str:
    """Set the limits of a sandbox, in its order, and allow no dumps."""
    try:
        setrlimit(RLIMIT_CORE, (0, 0))
        for kind, most in zip(_LIMITED, limits, strict=True):
            if most is not None:
                hard = getrlimit(kind)[1]
                bound = most if hard == RLIM_INFINITY else min(most, hard)
                setrlimit(kind, (bound, bound))
    except (OSError, ValueError):
        return "failed"
    return "enforced" if limits[1] is None or canary.limits() else "failed"


def _execute(argv: list[str]) -> int:
    """Become another program; return the exit code that says that there is none."""
    environ["LLMAGENTOS_FD"] = str(SOCKET)
    # Python ignores it, and a program that is executed would go on doing so.
    signal(SIGPIPE, SIG_DFL)
    try:
        execvp(argv[0], argv)
    except OSError as error:
        print(f"aos: {argv[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


def _run(entry: str, arguments: Mapping[str, Any]) -> int:
    enable()
    program.renew()
    module, _, name = entry.partition(":")
    # Named, its kind need not be looked up in enums.
    sock = socket(AF_UNIX, SOCK_STREAM, 0, SOCKET)
    outcome = getattr(sys.modules.get(module) or import_module(module), name)(arguments, sock)
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
        _exit(code & 0xFF)
