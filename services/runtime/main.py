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
from .documents import DocumentError, ingest
from .loop import Loop, StepLimit
from .manifest import Manifest, read
from .planned import PlanFailed, planned


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Run the agent that `arguments["program"]`, an `agent.toml`, declares."""
    work = _run(Path(arguments["program"]), arguments.get("task"), sock)
    if (seed := arguments.get("seed")) is not None:
        import random

        from ...syscalls import steady

        random.seed(seed)  # It is to take the same way whenever it runs again.
        return steady.run(work)
    import uvloop

    return uvloop.run(work)


async def _run(path: Path, task: str | None, sock: socket.socket) -> int:
    client = await connect(sock)
    try:
        manifest = read(path)
        task = task or manifest.goal
        if not task:
            print("Nothing to do: give it a --task, or a goal in its file.", file=sys.stderr)
            return 2
        os = OS(client)
        await ingest(os, path.parent, manifest.knowledge)
        answer, sources = await _answer(os, manifest, task)
        print(answer)
        for source in sources:
            print(f"source: {source}")
        return 0
    except (LLMAgentOSError, StepLimit, PlanFailed, DocumentError) as error:
        print(f"aos: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()


async def _answer(os: OS, manifest: Manifest, task: str) -> tuple[str, list[str]]:
    """Return the answer to a task, and where it comes from."""
    if manifest.strategy == "plan":
        return await planned(os, manifest, task)
    loop = Loop(os, manifest)
    return await loop.run(task), loop.sources
