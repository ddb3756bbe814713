"""Code and shell commands, each in a fresh process under bubblewrap.

It sees the system's programs read-only and the agent's folder as its home; it has no network, its
own process numbers, and dies with this driver. What its processes use together is watched.

Interface:
    python, shell   the tools
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process

from .child import child
from .contract import Context, Failure, tool
from .watch import overrun

#: Bytes of output that are kept.
OUTPUT = 64 * 1024
#: Bytes of a program: more are no argument to a Linux process.
PROGRAM = 120_000
#: Bytes of a folder in memory.
SCRATCH = str(256 * 1024 * 1024)
_PYTHON = os.path.realpath(sys.executable)
#: Limits of one run: KiB of address space, seconds of CPU, blocks of a file, and processes, whose
#: letter differs from shell to shell. Nothing runs without them. Each stands in a command of its
#: own: a shell refuses several in one.
_LIMITS = (
    "ulimit -v 2097152 && ulimit -t 60 && ulimit -f 2097152"
    " && { ulimit -u 256 || ulimit -p 256; } 2>/dev/null"
    " || { echo the limits cannot be set; exit 126; }\n"
    'exec "$@"'
)


@tool(effect=True, untrusted=True)
async def python(context: Context, code: str) -> str:
    """Run a Python program in a sandbox and return what it prints."""
    return await _run(context, (_PYTHON, "-I", "-c", code))


@tool(effect=True, untrusted=True)
async def shell(context: Context, command: str) -> str:
    """Run a shell command in a sandbox and return what it prints."""
    return await _run(context, ("/bin/sh", "-c", command))


async def _run(context: Context, argv: tuple[str, ...]) -> str:
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise Failure("bubblewrap is not installed, and nothing runs without it")
    if len(argv[-1].encode(errors="replace")) > PROGRAM or "\0" in argv[-1]:
        raise Failure(f"a program is a text of at most {PROGRAM} bytes; a longer one is a file's")
    argv = (*argv[:-1], argv[-1].encode(errors="replace").decode())
    async with (
        child(
            bubblewrap, *_box(str(context.home)), "/bin/sh", "-c", _LIMITS, "sh", *argv,
            stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
        ) as process,
        asyncio.TaskGroup() as tasks,
    ):  # fmt: skip
        watch = tasks.create_task(overrun(process.pid))
        output = await _output(process)
        code = await process.wait() if len(output) <= OUTPUT else 0
        watch.cancel()
    text = output[:OUTPUT].decode(errors="replace")
    if not watch.cancelled():
        raise Failure(f"{watch.result()}\n{text}".rstrip())
    if len(output) > OUTPUT:
        raise Failure(f"more than {OUTPUT} bytes of output\n{text}")
    if code:
        raise Failure(f"ended with code {code}\n{text}".rstrip())
    return text


async def _output(process: Process) -> bytes:
    """Return what a program prints; one byte more than is kept shows that there was more."""
    assert process.stdout is not None
    output = b""
    while len(output) <= OUTPUT and (chunk := await process.stdout.read(OUTPUT)):
        output += chunk[: OUTPUT - len(output) + 1]
    return output


def _box(home: str) -> list[str]:
    folders = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"]
    base = os.path.realpath(sys.base_prefix)
    if not base.startswith("/usr"):
        folders.append(base)
    seen = [part for one in folders for part in ("--ro-bind-try", one, one)]
    return [
        "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        *seen, "--proc", "/proc", "--dev", "/dev",
        "--size", SCRATCH, "--tmpfs", "/dev/shm", "--size", SCRATCH, "--tmpfs", "/tmp",
        "--bind", home, "/home/agent", "--chdir", "/home/agent",
        # What is left lies in memory without a bound.
        "--remount-ro", "/dev", "--remount-ro", "/",
        "--setenv", "HOME", "/home/agent", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin",
        "--setenv", "LANG", "C.UTF-8", "--",
    ]  # fmt: skip
