"""A training job's process.

The work runs in a thread of its own, or as a coroutine; what it asks of the house goes over the
loop of the main thread. SIGTERM asks it to stop: it saves where it stands and ends.

Interface:
    run(arguments, sock)    the process's entry; returns its exit code
    Job                     what a kind of job works with
    Stopped                 raised by `Job.report` and `Job.check` once the job is to end
    KINDS                   where the kinds of jobs are found
    FRESH                   the argument by which a job begins anew
"""

from __future__ import annotations

import asyncio
import fcntl
import inspect
import os as machine
import shutil
import signal
import socket
import sys
import time
import tomllib
import traceback
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import IO, Any, TypeVar

from ...syscalls.client import connect
from ...syscalls.errors import (
    AlreadyExists,
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    InputOutputError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    QuotaExceeded,
    TryAgain,
)
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
#: Among the arguments of the process: forget the checkpoints of an earlier run.
FRESH = "--fresh"
#: What transformers reads when it is imported. Offline, a folder that is missing is at once; else
#: it is taken for a model of the hub and asked for over a network that is not there.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
#: Seconds between two reports.
INTERVAL = 0.25
#: Points of one curve in a report, at most.
AT_ONCE = 8
#: How many times as long as a report takes there is none.
PATIENCE = 20
#: What a report may fail for while the work goes on: the next one tells all that it would have.
PASSING = (DeadlineExceeded, DeviceError, InDoubt, TryAgain)


class Stopped(Exception):
    """The job was asked to end."""


class Job:
    """What a kind of job works with. Its methods may be called from the thread of the work; on the
    loop, a coroutine awaits the calls of `os` in place of `ask`, `begin` and `publish`."""

    def __init__(self, os: OS, path: Path, recipe: dict[str, Any], fresh: bool = False) -> None:
        self.os = os
        #: The file's name, for errors.
        self.file = path.name
        #: All of the file; `[job]` says the kind.
        self.recipe = recipe
        self.kind: JobKind = recipe["job"]["kind"]
        self.name = str(recipe.get("name") or path.stem)
        #: Of the file: relative paths of data start there.
        self.source = path.parent
        #: Of the process's own home: checkpoints, logs and models go there.
        self.folder = Path.cwd()
        #: Of those that are gone on from; forgotten once the job has succeeded.
        self.checkpoints = self.folder / "checkpoints"
        #: Set once the job is to end.
        self.stopping = False
        self.id = 0
        self._loop = asyncio.get_running_loop()
        #: By name: values that were not sent yet, after their steps, the older the fewer.
        self._unsent: dict[str, list[tuple[int, float]]] = {}
        self._step = 0
        self._total: int | None = None
        #: When the next report may be sent.
        self._due = 0.0
        self._sending: Future[None] | None = None
        #: What those who look at the job once it has succeeded should know.
        self._remark: str | None = None
        if fresh:
            shutil.rmtree(self.checkpoints, ignore_errors=True)

    def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call of the house from the thread of the work, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def begin(self, total: int | None = None, step: int = 0) -> None:
        """Say that the work begins, or goes on after `step`."""
        self.check()
        self._step, self._total = step, total
        self.id = self.ask(
            self.os.learning.begin(self.kind, self.name, self.recipe, total=total, step=step)
        )

    def report(
        self, step: int, metrics: dict[str, float], total: int | None = None, check: bool = True
    ) -> None:
        """Say how far the work is. Raises `Stopped` once it is to end, unless not to `check`.

        May be called as often as one likes and costs next to nothing: it is sent a few times a
        second, and of each curve a few of the values that were not sent yet, the latest among them.
        """
        for name, value in metrics.items():
            unsent = self._unsent.setdefault(name, [])
            unsent.append((step, value))
            if len(unsent) > AT_ONCE:
                del unsent[-2::-2]
        self._step, self._total = step, total if total is not None else self._total
        idle = self._sending is None or self._sending.done()
        if idle and time.monotonic() >= self._due:
            if self._sending is not None:
                self._sending.result()
            self._sending = asyncio.run_coroutine_threadsafe(self._send(self._take()), self._loop)
        if check:
            self.check()

    def remark(self, text: str) -> None:
        """Say what people should know of how the job has succeeded: it is printed, and kept."""
        self._remark = text
        print(text, file=sys.stderr)

    def check(self) -> None:
        """Raise `Stopped` once the job is to end."""
        if self.stopping:
            raise Stopped

    def publish(self, name: str, folder: Path, **card: Any) -> ModelCard:
        """Give a model in: a folder below `folder` of the job."""
        where = folder.relative_to(self.folder).as_posix()
        card = {"recipe": self.recipe, **card}
        return self.ask(self.os.learning.publish(name, where, job=self.id, **card))

    async def finish(self, state: str, reason: str) -> None:
        """Tell what was not told yet, and how the job has ended: without a reason, with the
        remark."""
        if not self.id:
            return
        if self._sending is not None:
            await asyncio.wait([asyncio.wrap_future(self._sending)])
        await self._send(self._take())
        told = reason or self._remark
        await self.os.learning.finish(self.id, state, told)  # type: ignore[arg-type]

    def _take(self) -> dict[int, dict[str, float]]:
        """Take the unsent values, by step; the last step is there without any as well."""
        taken: dict[int, dict[str, float]] = {self._step: {}}
        for name, unsent in self._unsent.items():
            for step, value in unsent:
                taken.setdefault(step, {})[name] = value
        self._unsent = {}
        return dict(sorted(taken.items()))

    async def _send(self, taken: dict[int, dict[str, float]]) -> None:
        start = time.monotonic()
        for step, metrics in taken.items():
            try:
                await self.os.learning.report(self.id, step, metrics, total=self._total)
            except PASSING as error:
                print(f"aos: report: {error}", file=sys.stderr)
        now = time.monotonic()
        # A house that is slow to answer is asked less often.
        self._due = now + max(INTERVAL, PATIENCE * (now - start))


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Run the job that `arguments["program"]`, a TOML file, describes."""
    import uvloop

    machine.environ.update(QUIET)
    fresh = FRESH in arguments.get("arguments", ())
    return uvloop.run(_run(Path(arguments["program"]), sock, fresh))


async def _run(path: Path, sock: socket.socket, fresh: bool) -> int:
    machine.nice(NICE)
    client = await connect(sock)
    job: Job | None = None
    state, reason, code, lock = "failed", "", 1, None
    try:
        lock = _alone(path)
        job = Job(OS(client), path, _recipe(path), fresh)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _stop, job)
        await _work(job)
        state, code = "succeeded", 0
        await asyncio.to_thread(shutil.rmtree, job.checkpoints, True)
    except Stopped:
        state, reason, code = "stopped", "asked to end", 128 + signal.SIGTERM
    except Exception as error:
        reason = _reason(error)
        print(f"aos: {reason}", file=sys.stderr)
    finally:
        if job is not None:
            code = await _finish(job, state, reason) or code
        if lock is not None:
            lock.close()
        client.close()
    return code


def _alone(path: Path) -> IO[bytes]:
    """Keep other jobs of the same name, whose folder is the same, out as long as this is open."""
    lock = Path("job.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise AlreadyExists(f"{path.name}: another job of its name is at work") from None
    return lock


async def _finish(job: Job, state: str, reason: str) -> int:
    """Say how a job has ended; returns 1 where that could not be said."""
    try:
        await job.finish(state, reason)
        return 0
    except LLMAgentOSError as error:
        print(f"aos: the end of the job could not be told: {error}", file=sys.stderr)
        return 1


def _reason(error: Exception) -> str:
    """Return in one line why a job has failed. What is no error of the house's own is printed with
    its trace, and told by the class that fits."""
    if isinstance(error, LLMAgentOSError):
        return str(error)
    traceback.print_exc()
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, ModuleNotFoundError):
        return str(NotFound(f"{error.name} is not installed: pip install 'llmagentos[learn]'"))
    if isinstance(error, MemoryError):
        return str(QuotaExceeded("out of memory"))
    if isinstance(error, OSError):
        return str(InputOutputError(line))
    return f"{type(error).__name__}: {line}"


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
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidArgument(f"{path.name}: {error}") from error
    part = recipe.get("job")
    kind = part.get("kind") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidArgument(f"{path.name}: [job] kind is one of {', '.join(KINDS)}, not {kind!r}")
    if not isinstance(recipe.get("name", ""), str) or len(recipe.get("name", "")) > 64:
        raise InvalidArgument(f"{path.name}: name is to be a text of at most 64 characters")
    return recipe
