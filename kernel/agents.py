"""Agents: how a program becomes a process, is steered, and comes to its end.

Interface:
    Agents          `spawn`, `signal`, `stop`, `remove`; the launcher reports ends to `on_exit`
"""

from __future__ import annotations

import asyncio
import os
import signal as signals
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..syscalls.errors import (
    Cancelled,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from ..syscalls.locations import ENDPOINT
from . import keys
from .bus import Bus
from .config import AgentsConfig
from .durable.state import Durable
from .events import EventLog
from .launcher.contract import Launch, Launcher, Sandbox
from .paths import Paths
from .plugins import Plugin
from .process import ControlBlock, Kind, ProcessTable, State
from .spawn import Order, Rules, Spawn, rank
from .trap import Trap

#: Ended processes that nobody has removed, at most; then the one that ended first is forgotten.
KEPT = 1000
#: Seconds between asking a process to end at its time limit and killing it.
GRACE = 5.0
#: Seconds for which one that is to be forgotten at its end can still be asked how it ended.
LINGER = 10.0
_ENDING = (signals.SIGTERM, signals.SIGKILL, signals.SIGINT)
#: Seconds; whatever may last longer has no limit that a timer could keep.
LONGEST = 1e8


class Agents:
    """Every process that a person or an agent has started."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        bus: Bus,
        launcher: Launcher,
        trap: Trap,
        events: EventLog,
        paths: Paths,
        config: AgentsConfig,
        runtimes: Mapping[str, Plugin],
        interfaces: Callable[[], set[str]],
    ) -> None:
        self._table = table
        self._bus = bus
        self._launcher = launcher
        self._trap = trap
        self._events = events
        self._paths = paths
        self._config = config
        self._rules = Rules(paths=paths, config=config, runtimes=runtimes, interfaces=interfaces)
        self._timers: dict[int, asyncio.TimerHandle] = {}
        #: The control group below which each process has one; None where there is none.
        self.group: str | None = None
        #: By which the calls of programs that speak HTTP are known as theirs.
        self.keys = keys.Keys()
        #: Told of a process's start and of its end.
        self.on_birth: list[Callable[[ControlBlock, Order], None]] = []
        self.on_end: list[Callable[[ControlBlock], None]] = []
        #: Told of a process that is forgotten.
        self.on_removal: list[Callable[[ControlBlock], None]] = []
        #: Told of a process that has another rank, is suspended or goes on.
        self.on_steered: Callable[[ControlBlock], None] = lambda process: None
        #: Takes a durable process whose program has ended (with which code, by which signal), and
        #: starts it again; returns False where that is its end.
        self.revive: Callable[[ControlBlock, int, int], bool] = lambda process, code, number: False

    async def spawn(self, parent: ControlBlock, order: Order) -> ControlBlock:
        """Start a process. Raises the error that refused it; then nothing is left of it."""
        spawn = self._rules.apply(parent, order)
        living = sum(
            one.kind is Kind.AGENT and one.state is not State.ZOMBIE for one in self._table
        )
        if living >= self._config.limit:
            raise TryAgain(
                f"{living} agents live; the limit is {self._config.limit}", retry_after=1
            )
        process = self._table.create(
            principal=parent.principal,
            program=spawn.program,
            parent=parent,
            capabilities=spawn.capabilities,
            limits=spawn.limits,
            name=spawn.name,
        )
        process.worker = parent.kind in (Kind.DRIVER, Kind.SERVICE)
        if spawn.durable:
            process.durable = Durable(spawn, order.seed or os.urandom(16).hex())
        self._trap.taint.inherit(process, parent)
        try:
            process.budget.start_process()
            process.budget.begin(asyncio.get_running_loop().time())
            await self._launch(process, spawn)
        except BaseException as error:
            self._kill(process, signals.SIGKILL)
            self._cut(process)
            reason = str(error) if isinstance(error, LLMAgentOSError) else type(error).__name__
            self._table.exit(process, 126, reason)
            if process.log is None:
                self._table.reap(process.pid)
            else:  # Its birth was told.
                for told in self.on_end:
                    told(process)
                self.remove(process)
            raise
        return process

    async def _launch(self, process: ControlBlock, spawn: Spawn) -> None:
        order = spawn.order
        self.settle(process, spawn)
        if order.on_born is not None:
            order.on_born(process)
        # Its first call may be made before its launch is answered.
        for told in self.on_birth:
            told(process, order)
        if order.on_written is not None:
            order.on_written(process)
        await self.start(process, spawn)
        self._events.emit(
            "process.started", f"{process.name} started", process.pid, program=process.program
        )
        self.set_timer(process, order.timeout)
        if process.verdict is not None:  # It was ended before it was there.
            self._kill(process, signals.SIGKILL)

    def settle(self, process: ControlBlock, spawn: Spawn) -> None:
        """Give a process its rank, its task, its folder and log, and what it may read."""
        order = spawn.order
        process.nice, process.task, process.remove = spawn.nice, order.task, order.remove
        process.home, process.log = spawn.home, self._paths.log(process.pid)
        process.readable = spawn.readable

    async def start(self, process: ControlBlock, spawn: Spawn) -> None:
        """Start a process's program. Raises the error that kept it from starting."""
        assert process.home is not None and process.log is not None
        order = spawn.order
        # Somebody may have tidied up since its last life.
        process.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        process.log.touch(mode=0o600)
        arguments: dict[str, Any] = {
            "program": order.program,
            "task": order.task,
            "arguments": list(order.arguments),
        }
        if process.durable is not None:
            arguments["seed"] = process.durable.seed
        environment, endpoint = dict(order.environment), None
        if spawn.argv is not None:
            environment = {**keys.environment(process, self.keys.issue(process)), **environment}
            endpoint = self._paths.of_plugin(Kind.SERVICE, "gateway") / ENDPOINT
        sock, life = await self._bus.connect(process), process.incarnation
        profiles = self._config.sandbox
        chosen = profiles.agent if spawn.argv is None else profiles.foreign
        profile = Sandbox(**chosen.model_dump(), group=self.group)
        try:
            launched = await self._launcher.launch(
                Launch(
                    pid=process.pid,
                    entry=spawn.entry,
                    argv=spawn.argv,
                    arguments=arguments,
                    home=process.home,
                    log=process.log,
                    readable=spawn.readable,
                    environment=environment,
                    inherits=False,
                    endpoint=endpoint,
                    sandbox=profile,
                ),
                sock,
            )
        finally:
            sock.close()
        if process.incarnation != life:
            return  # It died before it was known to have started: its next life is on its way.
        process.os_pid, process.sandbox = launched.os_pid, dict(launched.report)
        process.crowd = profile.processes

    def set_timer(self, process: ControlBlock, timeout: float | None) -> None:
        """Let a process be stopped once its time is up; `timeout` is what is left of its own."""
        loop = asyncio.get_running_loop()
        left = (timeout, process.budget.time_left(loop.time()), LONGEST)
        seconds = min(one for one in left if one is not None)
        if seconds < LONGEST:
            self._timers[process.pid] = loop.call_later(seconds, self._time_out, process, seconds)

    def _time_out(self, process: ControlBlock, seconds: float) -> None:
        if process.state is State.ZOMBIE:
            return
        process.verdict = (124, f"stopped after {round(seconds, 1):g} s")
        self._kill(process, signals.SIGCONT)
        self._kill(process, signals.SIGTERM)
        loop = asyncio.get_running_loop()
        self._timers[process.pid] = loop.call_later(GRACE, self._kill, process, signals.SIGKILL)

    def renice(self, caller: ControlBlock, process: ControlBlock, nice: int) -> None:
        """Change a process's rank. Raises as `rank` does."""
        process.nice = rank(caller, nice, process.nice)
        self._trap.steering.renice(process)
        self.on_steered(process)

    def signal(self, process: ControlBlock, number: signals.Signals) -> None:
        """Send a signal. Raises `InvalidArgument` for a process that cannot take one."""
        if process.state is State.ZOMBIE:
            raise InvalidArgument(f"process {process.pid} has ended")
        if process.os_pid is None and process.kind is Kind.AGENT and number in _ENDING:
            # It is about to be started, or started again.
            process.verdict = (128 + number, f"ended by {_name(number)}")
            return
        if process.os_pid is None:
            raise InvalidArgument(f"process {process.pid} has no program to signal")
        if process.kind is not Kind.AGENT and number in (signals.SIGSTOP, signals.SIGCONT):
            raise PermissionDenied(f"{process.name} is a {process.kind}; everybody needs it")
        if number is signals.SIGSTOP:
            process.state = State.SUSPENDED
            self._trap.steering.suspend(process)
        elif process.state is State.SUSPENDED:
            # A stopped process takes no other signal but KILL before it goes on.
            process.state = State.RUNNING
            self._trap.steering.resume(process)
            if number is not signals.SIGCONT:
                self._kill(process, signals.SIGCONT)
        self._kill(process, number)
        if process.durable is not None:
            process.durable.suspended = process.state is State.SUSPENDED
            self.on_steered(process)

    def halt(self, process: ControlBlock) -> None:
        """Kill a process in a way that is no end of it."""
        if process.os_pid is not None and process.state is not State.ZOMBIE:
            self._launcher.signal(process.os_pid, signals.SIGKILL)

    def log(self, pid: int) -> Path:
        """Return where a process's output goes."""
        return self._paths.log(pid)

    def _kill(self, process: ControlBlock, number: signals.Signals) -> None:
        if process.os_pid is not None and process.state is not State.ZOMBIE:
            process.signalled.add(number)
            self._launcher.signal(process.os_pid, number)

    def kill(self, process: ControlBlock, code: int, reason: str) -> None:
        """End a process at once, for a reason of the kernel's own."""
        process.verdict = (code, reason)
        self._kill(process, signals.SIGKILL)

    def _cut(self, process: ControlBlock) -> None:
        """Take a process's connection and key, whoever else may hold them: with them go its
        rights."""
        if process.connection is not None:
            process.connection.close()
        if self.keys.withdraw(process):
            self._trap.end_session(process, Cancelled("the process has ended"))

    async def stop(self, process: ControlBlock, grace: float) -> None:
        """Ask a process to end, and after `grace` seconds kill it."""
        if process.state is State.ZOMBIE:
            return
        self.signal(process, signals.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await process.exited.wait()
        except TimeoutError:
            self._kill(process, signals.SIGKILL)
            await process.exited.wait()

    def on_exit(self, pid: int, code: int, number: int) -> None:
        """Take the launcher's word of a program's end: its code, or the signal that ended it."""
        process = self._table.find(pid)
        if process is None or process.state is State.ZOMBIE:
            return
        if process.durable is not None and self.revive(process, code, number):
            return
        if (timer := self._timers.pop(process.pid, None)) is not None:
            timer.cancel()
        if process.verdict is not None:
            code, reason = process.verdict
        elif number:
            code, reason = 128 + number, f"ended by {_name(number)}"
        else:
            reason = "finished" if code == 0 else f"ended with code {code}"
        self._trap.devices.resume(process.pid)
        self._cut(process)
        if process.durable is not None:
            self._trap.forsake(process)
        for child in self._table.children(process.pid):
            if child.worker and child.state is not State.ZOMBIE:
                child.verdict = (137, f"{process.name} has ended, whose worker it was")
                self._kill(child, signals.SIGKILL)
        self._table.exit(process, code, reason)
        self._events.emit("process.exited", f"{process.name} {reason}", process.pid, code=code)
        for told in self.on_end:
            told(process)
        if process.remove and process.kind is Kind.AGENT:
            # Whoever has started it may not have asked yet how it ended.
            self.forget_later(process)
        self._forget_oldest()

    def forget_later(self, process: ControlBlock) -> None:
        """Forget an ended process once nobody will ask any more how it ended."""
        asyncio.get_running_loop().call_later(LINGER, self._forget, process)

    def remove(self, process: ControlBlock) -> None:
        """Forget an ended process and its log. Raises `InvalidArgument` while it lives."""
        self._table.reap(process.pid)
        if process.log is not None:
            with suppress(OSError):  # Somebody has tidied up, or it could not be made.
                process.log.unlink()
        for told in self.on_removal:
            told(process)

    def _forget(self, process: ControlBlock) -> None:
        with suppress(NotFound):  # Somebody has removed it already.
            self.remove(process)

    def _forget_oldest(self) -> None:
        ended = [one for one in self._table if one.state is State.ZOMBIE]
        for process in sorted(ended, key=lambda one: one.ended or 0.0)[:-KEPT]:
            self.remove(process)


def _name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:  # A real-time signal.
        return f"signal {number}"
