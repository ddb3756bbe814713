"""A declared agent's process.

Interface:
    run(arguments, sock)    the process's entry; returns its exit code
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...syscalls.client import connect
from ...syscalls.errors import LLMAgentOSError
from ...syscalls.os import OS
from .loop import Loop, StepLimit
from .manifest import read


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Run the agent that `arguments["program"]`, an `agent.toml`, declares."""
    import uvloop

    return uvloop.run(_run(Path(arguments["program"]), arguments.get("task"), sock))


async def _run(path: Path, task: str | None, sock: socket.socket) -> int:
    client = await connect(sock)
    try:
        manifest = read(path)
        task = task or manifest.goal
        if not task:
            print("Nothing to do: give it a --task, or a goal in its file.", file=sys.stderr)
            return 2
        print(await Loop(OS(client), manifest).run(task))
        return 0
    except (LLMAgentOSError, StepLimit) as error:
        print(f"aos: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
