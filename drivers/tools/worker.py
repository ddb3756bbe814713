"""A stranger's tool in a process of its own, which can be killed when it hangs.

Interface:
    run_aside                                   the tool's result; raises as the tool does
    python -m llmagentos.drivers.tools.worker   that process
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from ...syscalls.client import Client
from ...syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError, from_wire
from ...syscalls.os import OS
from ...syscalls.tool import ToolResult
from .child import child
from .contract import Context, Failure, define
from .outcome import sendable
from .relay import Relay


async def run_aside(
    os: OS, entry: str, home: Path, config: Mapping[str, Any], given: Any
) -> ToolResult:
    """Run a tool by its `module:function`; `os` has its caller's rights.

    Raises `Failure`, the error of a syscall that the tool lets through, or `DeviceError` when it
    crashes.
    """
    order = {"config": dict(config), "arguments": given, "path": sys.path}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = theirs.fileno()
        command = (sys.executable, "-P", "-m", __name__, entry, str(home), str(number))
        # What the tool prints goes to the log.
        async with child(*command, stdin=DEVNULL, stdout=2, pass_fds=[number]) as process:
            theirs.close()
            async with asyncio.TaskGroup() as tasks:
                relay = Relay(os, order, tasks)
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: relay.connection, sock=ours)
                try:
                    answer = await relay.answer()
                finally:
                    relay.close()
            ended = await process.wait() if answer is None else 0
    match answer:
        case None:
            raise DeviceError(f"the tool {entry} ended with code {ended}")
        case {"failure": text}:
            raise Failure(text)
        case {"error": text, "code": str(code)}:
            raise from_wire(code, str(text), {})
        case {"crash": text}:
            raise DeviceError(f"the tool {entry} crashed: {text}")
        case {"text": str(text), "failed": bool(failed), "data": data, "sources": list(sources)}:
            return ToolResult(text=text, failed=failed, data=data, sources=sources)
    raise DeviceError(f"the tool {entry} gives no answer that can be read")


class _Line(Client):
    """Calls go to the driver, which makes them; a stream would have to be held open on the way."""

    async def stream(self, syscall: str, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise InvalidArgument(f"{syscall} is a stream, which a plugin's tool cannot call")
        yield


async def _work(entry: str, home: Path, sock: socket.socket) -> None:
    line = _Line()
    await line.open(sock)
    order = await line.call("order")
    sys.path[:] = order["path"]
    context = Context(os=OS(line), home=home, config=order["config"])
    await line.call("answer", sendable(await _run(entry, context, order["arguments"])))


async def _run(entry: str, context: Context, given: Any) -> dict[str, Any]:
    module, _, name = entry.partition(":")
    try:
        function = getattr(import_module(module), name)
        definition = define(name, function)
        arguments = definition.check(given)
        if inspect.iscoroutinefunction(function):
            value = await function(context, **arguments)
        else:
            value = await asyncio.to_thread(function, context, **arguments)
        return asdict(definition.outcome(value))
    except Failure as failure:
        return {"failure": str(failure)}
    except LLMAgentOSError as error:
        return {"error": error.message, "code": error.code}
    except Exception as error:  # a stranger's tool may raise anything
        return {"crash": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Run the tool that the command line names, as the driver orders over the socket."""
    entry, home, number = sys.argv[1:]
    asyncio.run(_work(entry, Path(home), socket.socket(fileno=int(number))))


if __name__ == "__main__":
    main()
