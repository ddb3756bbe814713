"""Code and shell commands, each in a fresh process under bubblewrap.

It sees the system's programs read-only and the agent's folder as its home; it has no network, its
own process numbers, and dies with this driver.

Interface:
    python, shell   the tools
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys

from .contract import Context, Failure, tool

#: Bytes of output that are kept.
OUTPUT = 64 * 1024
_PYTHON = os.path.realpath(sys.executable)
#: Bytes of address space, seconds of CPU, and processes of one run.
_LIMITS = "ulimit -v 2097152 -t 60 -u 256 -f 1048576 2>/dev/null; exec \"$@\""  # fmt: skip


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
    process = await asyncio.create_subprocess_exec(
        bubblewrap, *_box(str(context.home)), "/bin/sh", "-c", _LIMITS, "sh", *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        output = b""
        while chunk := await process.stdout.read(OUTPUT):
            output += chunk[: OUTPUT - len(output) + 1]
            if len(output) > OUTPUT:
                break
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        code = await process.wait()
    text = output[:OUTPUT].decode(errors="replace")
    if len(output) > OUTPUT:
        raise Failure(f"more than {OUTPUT} bytes of output\n{text}")
    if code > 0:
        raise Failure(f"ended with code {code}\n{text}".rstrip())
    return text


def _box(home: str) -> list[str]:
    folders = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"]
    base = os.path.realpath(sys.base_prefix)
    if not base.startswith("/usr"):
        folders.append(base)
    seen = [part for one in folders for part in ("--ro-bind-try", one, one)]
    return [
        "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
        *seen, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--bind", home, "/home/agent", "--chdir", "/home/agent",
        "--setenv", "HOME", "/home/agent", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin",
        "--setenv", "LANG", "C.UTF-8", "--",
    ]  # fmt: skip
