"""The box that a stranger's program is put into: bubblewrap, with a filter of system calls.

It sees the system's programs read-only and what it is given besides; it has its own process numbers
and dies with this driver. The filter is the kernel's own, which agents have too.

Interface:
    SandboxSettings     what is wanted of each layer, `[drivers.tools.settings.sandbox]`
    Box                 what a program may see and use; `command` as an asynchronous context
    boxed               an asynchronous context: the process while it is entered
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict, Field

from ...syscalls.section import Section
from .child import child
from .contract import Failure

Want = Literal["required", "wanted", "off"]
#: Bytes of a folder in memory.
SCRATCH = str(256 * 1024 * 1024)
#: What every program needs of the system.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
#: What one with a network needs besides, to find its way.
_NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
)
#: What the owner of a file may write whatever else holds him, and a daemon of root's owns all.
_PROC = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/scsi")


class SandboxSettings(Section):
    """The profile `tool`. Without bubblewrap, code of a model's is not run at all."""

    model_config = ConfigDict(strict=True)

    #: The filter of system calls.
    seccomp: Want = "wanted"
    #: Bytes of address space, seconds of CPU, bytes of a file, and processes, of one run.
    memory: int = Field(default=2 * 2**30, gt=0)
    cpu: int = Field(default=60, gt=0)
    file_size: int = Field(default=2**30, gt=0)
    processes: int = Field(default=256, gt=0)

    def limits(self) -> str:
        """Return the shell's program that sets the limits and becomes its arguments.

        Each stands in a command of its own: a shell refuses several in one. The letter of that on
        processes differs from shell to shell.
        """
        return (
            f"ulimit -c 0 && ulimit -v {self.memory // 1024} && ulimit -t {self.cpu}"
            f" && ulimit -f {self.file_size // 512}"
            f" && {{ ulimit -u {self.processes} || ulimit -p {self.processes}; }} 2>/dev/null"
            " || { echo the limits cannot be set; exit 126; }\n"
            'exec "$@"'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a program may see and use."""

    #: Where it works and may write, and under which name it sees that.
    home: str
    at: str = "/home/agent"
    #: The folder that it starts in, another than its home.
    start: str | None = None
    #: Further files and folders that it sees where they are.
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    #: Whether it has this machine's network, or none.
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Return bubblewrap's arguments."""
        base = os.path.realpath(sys.base_prefix)
        seen = [*_SYSTEM, *([] if base.startswith("/usr") else [base])]
        seen += _NETWORK if self.network else ()
        told = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **self.environment}
        return [
            "--unshare-all", *(["--share-net"] if self.network else []),
            "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
            *_each("--ro-bind-try", seen), "--proc", "/proc", "--dev", "/dev",
            *_each("--ro-bind-try", _PROC),
            "--size", SCRATCH, "--tmpfs", "/dev/shm", "--size", SCRATCH, "--tmpfs", "/tmp",
            *_each("--ro-bind-try", self.read), *_each("--bind", self.write),
            "--bind", self.home, self.at, "--chdir", self.start or self.at,
            # What is left lies in memory without a bound.
            "--remount-ro", "/dev", "--remount-ro", "/",
            *(part for one in ({**told, "HOME": self.at}).items() for part in ("--setenv", *one)),
        ]  # fmt: skip


@asynccontextmanager
async def boxed(
    box: Box, argv: Sequence[str], filter: bytes, want: Want, **streams: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program in a box; kill it at the end, whatever has happened.

    `filter` is a program of seccomp's, empty where this machine has none. Raises `Failure` where
    what is required is not there.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise Failure("bubblewrap is not installed, and nothing runs without it")
    if want == "required" and not filter:
        raise Failure("seccomp is required by [drivers.tools.settings.sandbox], and not to be had")
    given = [] if want == "off" or not filter else [_file(filter)]
    try:
        held = ["--seccomp", str(given[0])] if given else []
        command = (bubblewrap, *box.arguments(), *held, "--", *argv)
        async with child(*command, pass_fds=given, **streams) as process:
            yield process
    finally:
        for descriptor in given:
            os.close(descriptor)


def _file(data: bytes) -> int:
    """Return a descriptor from which these bytes can be read."""
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _each(option: str, paths: Sequence[str]) -> list[str]:
    return [part for path in paths for part in (option, path, path)]
