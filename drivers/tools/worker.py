"""A stranger's tool in a process of its own, which can be killed when it hangs.

Interface:
    run_aside                                   the tool's result; raises as the tool does
    python -m llmagentos.drivers.tools.worker   that process
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ...syscalls.errors import DeviceError
from .contract import Context, Failure


async def run_aside(entry: str, home: Path, config: dict[str, Any], arguments: Any) -> str:
    """Run a tool by its `module:function`. Raises `Failure`, or `DeviceError` when it crashes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, entry, str(home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        order = json.dumps({"config": config, "arguments": arguments}, default=str).encode()
        output, _ = await process.communicate(order)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    try:
        answer = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        raise DeviceError(f"the tool {entry} ended with code {process.returncode}") from None
    if "failure" in answer:
        raise Failure(answer["failure"])
    return str(answer["text"])


def main() -> None:
    """Run the tool that the command line names with what comes in on standard input."""
    entry, home = sys.argv[1:]
    order = json.loads(sys.stdin.read())
    module, _, name = entry.partition(":")
    function = getattr(import_module(module), name)
    # It has no line to the kernel: a tool that makes syscalls is a coroutine, and runs there.
    context = Context(os=None, home=Path(home), config=order["config"])  # type: ignore[arg-type]
    try:
        answer = {"text": str(function(context, **order["arguments"]))}
    except Failure as failure:
        answer = {"failure": str(failure)}
    print(f"\n{json.dumps(answer)}")


if __name__ == "__main__":
    main()
