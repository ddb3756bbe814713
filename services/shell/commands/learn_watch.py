"""A training job while it runs: a bar with a curve on a terminal, lines elsewhere, or JSON.

Interface:
    Watch           `run` shows a process's job to its end, or until somebody detaches
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from typing import Any, Protocol

import click

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.learning import JobInfo
from ....syscalls.os import OS
from ....syscalls.process import Exit, SignalName
from ..output import show_json, silence
from .learn_plot import number, spark

#: Seconds between two looks at a job, and between two lines of plain text.
INTERVAL, SELDOM = 0.5, 10.0
#: Curves that stand beside the bar, and characters of the one that is drawn.
BESIDE, DRAWN = 3, 24
#: What is drawn, if the job has it, and what says little of how it is doing.
_TELLING = ("loss", "reward", "return", "success", "solved", "accuracy")
_DULL = frozenset(
    {"baseline", "entropy", "explore", "final_deviation", "gradient", "length", "rate", "seconds"}
)
_QUESTION = "\n[d]etach and let it go on, [s]top it at a checkpoint, or [g]o on watching? "


class Display(Protocol):
    """How a job is shown."""

    def line(self, text: str) -> None:
        """Show a line that the job has written."""

    def update(self, job: JobInfo, curve: list[float]) -> None:
        """Show how far the job is."""

    def pause(self) -> None:
        """Make room for a question."""

    def resume(self) -> None:
        """Go on after it."""

    def close(self) -> None:
        """Show no more."""


class Watch:
    """Shows one process's job and passes on what its reader wants."""

    def __init__(self, os: OS, pid: int, as_json: bool) -> None:
        self._os = os
        self._pid = pid
        self._display = _display(as_json)
        self._asks = not as_json and sys.stdin.isatty() and sys.stderr.isatty()
        self._asking = False
        self._left = asyncio.Event()
        signals: tuple[SignalName, ...] = ("TERM",)
        self._signals = iter(signals)
        self._curve: list[float] = []
        self._seen = -1
        #: The job, once it has begun.
        self.job: JobInfo | None = None

    async def run(self) -> Exit | None:
        """Show the job; returns how its process ended, or None where it was left alone."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            loop.add_signal_handler(signal.SIGINT, self._interrupt, tasks)
            loop.add_signal_handler(signal.SIGTERM, self._send, tasks)
            logs = tasks.create_task(self._logs())
            ended = tasks.create_task(self._os.process.wait(self._pid))
            left = tasks.create_task(self._left.wait())
            try:
                while not (ended.done() or left.done()):
                    await self._look()
                    await asyncio.wait(
                        (ended, left), timeout=INTERVAL, return_when=asyncio.FIRST_COMPLETED
                    )
                if ended.done():
                    await logs
                    await self._look()
            finally:
                self._display.close()
                loop.remove_reader(sys.stdin.fileno()) if self._asking else None
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)
                for task in (logs, ended, left):
                    task.cancel()
        return ended.result() if ended.done() and not ended.cancelled() else None

    async def _look(self) -> None:
        learning = self._os.learning
        with suppress(LLMAgentOSError):
            if self.job is None:
                found = [one for one in await learning.jobs(20) if one.pid == self._pid]
                self.job = found[0] if found else None
            else:
                self.job = await learning.job(self.job.id)
            if self.job is not None:
                name = _telling(self.job)
                points = await learning.curves(self.job.id, self._seen, [name] if name else [])
                self._curve += [one.value for one in points]
                self._seen = points[-1].step if points else self._seen
                if not self._asking:
                    self._display.update(self.job, self._curve)

    async def _logs(self) -> None:
        with suppress(LLMAgentOSError):
            try:
                async for line in self._os.process.logs(self._pid, follow=True):
                    self._display.line(line.text)
            except BrokenPipeError:
                silence()
                await self._os.process.signal(self._pid, "TERM")

    def _interrupt(self, tasks: asyncio.TaskGroup) -> None:
        """Ask what is meant; who interrupts again, or has no terminal, wants the job stopped."""
        if not self._asks or self._asking:
            self._send(tasks)
            return
        self._asking = True
        self._display.pause()
        click.echo(_QUESTION, err=True, nl=False)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._answered, tasks)

    def _answered(self, tasks: asyncio.TaskGroup) -> None:
        answer = sys.stdin.readline().strip().lower()[:1]
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self._asking = False
        if answer == "d":
            self._left.set()
            return
        self._display.resume()
        if answer == "s":
            self._send(tasks)

    def _send(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._signal(next(self._signals, "KILL")))

    async def _signal(self, name: SignalName) -> None:
        with suppress(LLMAgentOSError):
            await self._os.process.signal(self._pid, name)


class Json:
    """An object to a line, for programs."""

    def line(self, text: str) -> None:
        click.echo(text, err=True)

    def update(self, job: JobInfo, curve: list[float]) -> None:
        told = ("id", "pid", "state", "step", "total", "since", "metrics")
        show_json({name: getattr(job, name) for name in told}, indent=None)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self) -> None: ...


class Lines:
    """A line now and then: when the job begins, at each tenth of its way, and in between."""

    def __init__(self) -> None:
        self._tenth = -1
        self._told = 0.0
        self._step = -1

    def line(self, text: str) -> None:
        click.echo(text)

    def update(self, job: JobInfo, curve: list[float]) -> None:
        if self._step < 0:
            click.echo(_beginning(job), err=True)
        now = time.monotonic()
        tenth = 10 * job.step // job.total if job.total else -1
        if job.step == self._step or (tenth <= self._tenth and now - self._told < SELDOM):
            return
        self._tenth, self._told, self._step = max(tenth, self._tenth), now, job.step
        click.echo(f"step {_steps(job)}  {values(job)}".rstrip(), err=True)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self) -> None: ...


class Bar:
    """A bar, the curve that tells most, and the latest values."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]}"),
            TextColumn("{task.fields[curve]}", style="cyan"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[values]}"),
            console=Console(stderr=True),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        nothing: dict[str, Any] = {"steps": "", "curve": "", "values": ""}
        self._task = self._progress.add_task("starting", total=None, **nothing)
        self._begun = False
        self._progress.start()

    def line(self, text: str) -> None:
        if sys.stdout.isatty():
            self._progress.console.print(text, markup=False, highlight=False, emoji=False)
        else:
            click.echo(text)

    def update(self, job: JobInfo, curve: list[float]) -> None:
        fields: dict[str, Any] = {
            "steps": _steps(job),
            "curve": spark(curve, DRAWN),
            "values": values(job),
        }
        if not self._begun:
            self._begun = True
            self._progress.console.print(_beginning(job), highlight=False)
        self._progress.update(
            self._task, description=job.name, completed=job.step, total=job.total, **fields
        )

    def pause(self) -> None:
        self._progress.stop()

    def resume(self) -> None:
        self._progress.start()

    def close(self) -> None:
        self._progress.stop()


def values(job: JobInfo) -> str:
    """Return a job's latest values, the first few of them."""
    telling = _telling(job)
    names = sorted(job.metrics, key=lambda name: (name != telling, name in _DULL, name))
    return "  ".join(f"{name} {number(job.metrics[name])}" for name in names[:BESIDE])


def _display(as_json: bool) -> Display:
    if as_json:
        return Json()
    return Bar() if sys.stderr.isatty() else Lines()


def _telling(job: JobInfo) -> str | None:
    """Return the curve that tells most of how a job is doing."""
    known = (name for name in _TELLING if name in job.metrics)
    return next(known, min(job.metrics, default=None))


def _beginning(job: JobInfo) -> str:
    if job.since:
        return f"job {job.id} goes on from step {job.since}"
    return f"job {job.id} begins"


def _steps(job: JobInfo) -> str:
    return f"{job.step:,}" if job.total is None else f"{job.step:,}/{job.total:,}"
