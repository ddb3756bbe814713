"""Code and shell commands, each in a fresh process under bubblewrap.

It sees the system's programs read-only and the agent's folder as its home; it has no network, its
own process numbers, and dies with this driver. What its processes use together is watched.

Interface:
    python, shell   the tools
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process

from .box import Box, SandboxSettings, boxed
from .contract import Context, Failure, tool
from .watch import overrun

#: Bytes of output that are kept.
OUTPUT = 64 * 1024
#: Bytes of a program: more are no argument to a Linux process.
PROGRAM = 120_000
_PYTHON = os.path.realpath(sys.executable)


@tool(effect=True, untrusted=True)
async def python(context: Context, code: str) -> str:
    """Run a Python program in a sandbox and return what it prints."""
    return await _run(context, (_PYTHON, "-I", "-c", code))


@tool(effect=True, untrusted=True)
async def shell(context: Context, command: str) -> str:
    """Run a shell command in a sandbox and return what it prints."""
    return await _run(context, ("/bin/sh", "-c", command))


async def _run(context: Context, argv: tuple[str, ...]) -> str:
    if len(argv[-1].encode(errors="replace")) > PROGRAM or "\0" in argv[-1]:
        raise Failure(f"a program is a text of at most {PROGRAM} bytes; a longer one is a file's")
    argv = (*argv[:-1], argv[-1].encode(errors="replace").decode())
    settings = SandboxSettings.model_validate(context.config.get("sandbox", {}))
    box = Box(home=str(context.home))
    limited = ("/bin/sh", "-c", settings.limits(), "sh", *argv)
    async with (
        boxed(
            box, limited, context.filter, settings.seccomp,
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
