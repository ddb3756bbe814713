"""A training job's process.

The work runs in a thread of its own, or as a coroutine; what it asks of the house goes over the
loop of the main thread. SIGTERM asks it to stop: it saves where it stands and ends.

Interface:
    run(arguments, sock)    the process's entry; returns its exit code
    Job                     what a kind of job works with
    Stopped                 raised by `Job.report` once the job is to end
    KINDS                   where the kinds of jobs are found
"""

from __future__ import annotations

import asyncio
import inspect
import os as machine
import signal
import socket
import sys
import tomllib
from collections.abc import Coroutine, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ...syscalls.client import connect
from ...syscalls.errors import InvalidArgument, LLMAgentOSError
from ...syscalls.learning import JobKind, ModelCard
from ...syscalls.os import OS

T = TypeVar("T")

#: `module:function` of each kind, below this package. The function takes the `Job`; a plain one
#: runs in a thread, a coroutine function on the loop.
KINDS: Mapping[str, str] = {
    "pretrain": ".pretrain.work:work",
    "finetune": ".finetune.work:work",
    "rl": ".rl.work:work",
    "evaluate": ".evaluate.work:work",
}
#: What a job leaves to whoever waits for an answer.
NICE = 10


class Stopped(Exception):
    """The job was asked to end."""


class Job:
    """What a kind of job works with. Its methods may be called from the thread of the work."""

    def __init__(self, os: OS, path: Path, recipe: dict[str, Any]) -> None:
        self.os = os
        #: All of the file; `[job]` says the kind.
        self.recipe = recipe
        self.kind: JobKind = recipe["job"]["kind"]
        self.name = str(recipe.get("name") or path.stem)
        #: Of the file: relative paths of data start there.
        self.source = path.parent
        #: Of the process's own home: checkpoints, logs and models go there.
        self.folder = Path.cwd()
        #: Set once the job is to end.
        self.stopping = False
        self.id = 0
        self._loop = asyncio.get_running_loop()

    def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call of the house from the thread of the work, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def begin(self, total: int | None = None, step: int = 0) -> None:
        """Say that the work begins, or goes on after `step`."""
        self.id = self.ask(
            self.os.learning.begin(self.kind, self.name, self.recipe, total=total, step=step)
        )

    def report(self, step: int, metrics: dict[str, float], total: int | None = None) -> None:
        """Say how far the work is. Raises `Stopped` once it is to end."""
        self.ask(self.os.learning.report(self.id, step, metrics, total=total))
        if self.stopping:
            raise Stopped

    def publish(self, name: str, folder: Path, **card: Any) -> ModelCard:
        """Give a model in: a folder below `folder` of the job."""
        where = folder.relative_to(self.folder).as_posix()
        card = {"recipe": self.recipe, **card}
        return self.ask(self.os.learning.publish(name, where, job=self.id, **card))


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Run the job that `arguments["program"]`, a TOML file, describes."""
    import uvloop

    return uvloop.run(_run(Path(arguments["program"]), sock))


async def _run(path: Path, sock: socket.socket) -> int:
    machine.nice(NICE)
    client = await connect(sock)
    job: Job | None = None
    state, reason = "failed", ""
    try:
        job = Job(OS(client), path, _recipe(path))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _stop, job)
        await _work(job)
        state = "succeeded"
        return 0
    except Stopped:
        state, reason = "stopped", "asked to end"
        return 128 + signal.SIGTERM
    except LLMAgentOSError as error:
        reason = str(error)
        print(f"aos: {error}", file=sys.stderr)
        return 1
    finally:
        if job is not None and job.id:
            await job.os.learning.finish(job.id, state, reason or None)  # type: ignore[arg-type]
        client.close()


def _stop(job: Job) -> None:
    job.stopping = True


async def _work(job: Job) -> None:
    module, _, name = KINDS[job.kind].partition(":")
    work = getattr(await asyncio.to_thread(import_module, module, __package__), name)
    if inspect.iscoroutinefunction(work):
        await work(job)
    else:
        await asyncio.to_thread(work, job)


def _recipe(path: Path) -> dict[str, Any]:
    try:
        recipe = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"{path.name}: {error}") from error
    kind = recipe.get("job", {}).get("kind")
    if kind not in KINDS:
        raise InvalidArgument(f"{path.name}: [job] kind is one of {', '.join(KINDS)}, not {kind!r}")
    return recipe
