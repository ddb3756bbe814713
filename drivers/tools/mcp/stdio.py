"""A server that is a program of ours: messages over its standard input and output.

It sees next to nothing of the system's environment. What it says on its standard error goes to the
log, in bounds; so does what it may use. One that talks faster than it may is read no faster.

Interface:
    stdio           an asynchronous context: the streams of a connection
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..rates import Bucket
from ..watch import overrun
from .held import Ground, started
from .lines import Lines, Overlong
from .settings import ServerSettings
from .words import tidy

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

#: Bytes of a message, messages a second, and seconds in which one of ours has to be taken.
MESSAGE, SPEED, TAKEN = 4 * 1024 * 1024, 500.0, 30.0
#: Characters of a line in the log, and lines a second.
LINE, LINES = 500, 20.0
#: Seconds that a server has to end by itself.
GRACE = 1.0
#: What a program sees of the environment.
SEEN = ("HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")


class Gone(Exception):
    """The server's program has ended or cannot be spoken with."""


@asynccontextmanager
async def stdio(
    name: str,
    settings: ServerSettings,
    lost: Callable[[str], None],
    ground: Ground | None = None,
) -> AsyncIterator[TransportStreams]:
    """Start the program and give the streams to speak with it; `lost` is told when it has gone.

    Raises `Gone` or OSError where it cannot be started.
    """
    import anyio

    _check(settings)
    environment = {key: os.environ[key] for key in SEEN if key in os.environ} | settings.env
    told, incoming = anyio.create_memory_object_stream[Any](0)
    outgoing, taken = anyio.create_memory_object_stream[Any](0)
    streams = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    async with (
        told, incoming, outgoing, taken,
        started(name, settings, ground, environment, **streams) as process,
        anyio.create_task_group() as tasks,
    ):  # fmt: skip
        tasks.start_soon(_hear, process, told, lost)
        tasks.start_soon(_say, process, taken, lost)
        tasks.start_soon(_log, name, process)
        tasks.start_soon(_watch, process, lost)
        try:
            yield incoming, outgoing
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with anyio.move_on_after(GRACE, shield=True):
                await process.wait()
            tasks.cancel_scope.cancel()


def _check(settings: ServerSettings) -> None:
    if shutil.which(settings.command[0]) is None:
        raise Gone(f"there is no program {settings.command[0]}")
    if settings.cwd is not None and not os.path.isdir(settings.cwd):
        raise Gone(f"there is no folder {settings.cwd}")


async def _hear(process: Process, told: Any, lost: Callable[[str], None]) -> None:
    import anyio

    assert process.stdout is not None
    lines, pace = Lines(MESSAGE), Bucket(SPEED, 2 * SPEED, time.monotonic)
    # Whoever heard it may be gone before it is.
    with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        while chunk := await process.stdout.read(64 * 1024):
            for line in lines.feed(chunk):
                if seconds := pace.take():
                    await asyncio.sleep(seconds)
                if (message := _message(line)) is not None:
                    await told.send(message)
    with anyio.move_on_after(GRACE):
        await process.wait()
    code = "" if process.returncode is None else f" with code {process.returncode}"
    lost(f"its program has ended{code}")
    await told.aclose()


def _message(line: bytes | Overlong) -> Any:
    """Return a line's message; None for one that is none."""
    from mcp.shared.message import SessionMessage
    from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

    if isinstance(line, Overlong):
        if (number := line.answers()) is None:
            return None
        error = ErrorData(code=INTERNAL_ERROR, message=f"the result has more than {MESSAGE} bytes")
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=number, error=error))
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None  # Many a program prints on its standard output what is meant for people.


async def _say(process: Process, taken: Any, lost: Callable[[str], None]) -> None:
    assert process.stdin is not None
    try:
        async for one in taken:
            text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            async with asyncio.timeout(TAKEN):
                await process.stdin.drain()
    except (OSError, TimeoutError, RuntimeError):
        lost("its program does not listen")


async def _log(name: str, process: Process) -> None:
    assert process.stderr is not None
    lines, pace, unsaid = Lines(64 * 1024), Bucket(LINES, 10 * LINES, time.monotonic), 0
    with suppress(OSError):
        while chunk := await process.stderr.read(64 * 1024):
            for line in lines.feed(chunk):
                if pace.take():
                    unsaid += 1
                    continue
                text = (line.head if isinstance(line, Overlong) else line).decode(errors="replace")
                more = f" ({unsaid} lines left out)" if unsaid else ""
                print(f"{name}: {tidy(text, LINE)}{more}", file=sys.stderr, flush=True)
                unsaid = 0


async def _watch(process: Process, lost: Callable[[str], None]) -> None:
    lost(f"its program used {await overrun(process.pid)}")
