"""A stranger's tool in a process of its own, which can be killed when it hangs.

Interface:
    run_aside                                   the tool's result; raises as the tool does
    python -m llmagentos.drivers.tools.worker   that process
"""

from __future__ import annotations

import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ...syscalls.errors import DeviceError
from .child import child
from .contract import Context, Failure, define

#: Bytes of an answer, at most.
ANSWER = 4 * 1024 * 1024


async def run_aside(entry: str, home: Path, config: dict[str, Any], arguments: Any) -> str:
    """Run a tool by its `module:function`. Raises `Failure`, or `DeviceError` when it crashes."""
    order = {"config": config, "arguments": arguments, "path": sys.path}
    command = (sys.executable, "-P", "-m", __name__, entry, str(home))
    async with child(*command, stdin=PIPE, stdout=PIPE) as process:
        output = await _exchange(process, json.dumps(order, default=str).encode())
        if len(output) > ANSWER:
            raise DeviceError(f"the tool {entry} gave more than {ANSWER} bytes")
        code = await process.wait()
    try:
        answer = json.loads(output)
    except ValueError:
        raise DeviceError(f"the tool {entry} ended with code {code}") from None
    if "failure" in answer:
        raise Failure(answer["failure"])
    if "crash" in answer:
        raise DeviceError(f"the tool {entry} crashed: {answer['crash']}")
    return str(answer["text"])


async def _exchange(process: Process, order: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    with suppress(ConnectionError):  # it ended at once, and its code says why
        process.stdin.write(order)
        await process.stdin.drain()
    process.stdin.close()
    output = b""
    while len(output) <= ANSWER and (chunk := await process.stdout.read(ANSWER)):
        output += chunk
    return output


def main() -> None:
    """Run the tool that the command line names with what comes in on standard input."""
    entry, home = sys.argv[1:]
    order = json.loads(sys.stdin.read())
    sys.path[:] = order["path"]
    # What the tool prints goes to the log; the answer alone goes back.
    answers = os.dup(1)
    os.dup2(2, 1)
    # It has no line to the kernel: a tool that makes syscalls is a coroutine, and runs there.
    context = Context(os=None, home=Path(home), config=order["config"])  # type: ignore[arg-type]
    module, _, name = entry.partition(":")
    try:
        function = getattr(import_module(module), name)
        checked = define(name, function).check(order["arguments"])
        answer = {"text": str(function(context, **checked))}
    except Failure as failure:
        answer = {"failure": str(failure)}
    except Exception as error:  # a stranger's tool may raise anything
        answer = {"crash": f"{type(error).__name__}: {error}"}
    with open(answers, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
