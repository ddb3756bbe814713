"""Agents: how a program becomes a process, is steered, and comes to its end.

Interface:
    Order           what somebody wants run
    Agents          `spawn`, `signal`, `stop`, `remove`; the launcher reports ends to `on_exit`
"""

from __future__ import annotations

import asyncio
import re
import signal as signals
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..syscalls.errors import (
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from .budget import Limits
from .bus import Bus
from .capability import CapabilitySet
from .config import AgentsConfig
from .devices import DeviceTable
from .events import EventLog
from .launcher.contract import Launch, Launcher, Sandbox
from .manifest import declared
from .paths import Paths
from .plugins import Plugin
from .process import ControlBlock, Kind, ProcessTable, State

#: Ended processes that nobody has removed, at most; then the oldest is forgotten.
KEPT = 1000
#: Seconds between asking a process to end at its time limit and killing it.
GRACE = 5.0
_MODULE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants run; the fields are those of `process.spawn`."""

    program: str
    task: str | None = None
    name: str | None = None
    arguments: tuple[str, ...] = ()
    capabilities: CapabilitySet | None = None
    drop: tuple[str, ...] = ()
    budget: Mapping[str, float] = field(default_factory=dict)
    nice: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    remove: bool = False
    on_born: Callable[[ControlBlock], None] | None = None


class Agents:
    """Every process that a person or an agent has started."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        bus: Bus,
        launcher: Launcher,
        devices: DeviceTable,
        events: EventLog,
        paths: Paths,
        config: AgentsConfig,
        runtimes: Mapping[str, Plugin],
        interfaces: Callable[[], set[str]],
    ) -> None:
        self._table = table
        self._bus = bus
        self._launcher = launcher
        self._devices = devices
        self._events = events
        self._paths = paths
        self._config = config
        self._runtimes = runtimes
        self._interfaces = interfaces
        self._timers: dict[int, asyncio.TimerHandle] = {}
        #: Told of a process's start and of its end.
        self.on_birth: list[Callable[[ControlBlock], None]] = []
        self.on_end: list[Callable[[ControlBlock], None]] = []

    async def spawn(self, parent: ControlBlock, order: Order) -> ControlBlock:
        """Start a process. Raises the error that refused it; then nothing is left of it."""
        entry, argv = self._entry(order)
        if order.program.endswith(".toml"):
            order = _completed(order)
        name = order.name or _name_of(order)
        if not _NAME.fullmatch(name):
            raise InvalidArgument(f"{name!r} is no name; use letters, digits and _ . -")
        if not -20 <= order.nice <= 19:
            raise InvalidArgument(f"nice is -20 to 19, not {order.nice}")
        if order.timeout is not None and order.timeout <= 0:
            raise InvalidArgument("a timeout is more than 0 seconds")
        living = sum(
            one.kind is Kind.AGENT and one.state is not State.ZOMBIE for one in self._table
        )
        if living >= self._config.limit:
            raise TryAgain(
                f"{living} agents live; the limit is {self._config.limit}", retry_after=1
            )
        process = self._table.create(
            principal=parent.principal,
            program=order.program if argv is None else " ".join(argv),
            parent=parent,
            capabilities=self._rights(parent, order),
            limits=Limits.parse({**self._config.budget, **order.budget}),
            name=name,
        )
        try:
            process.budget.start_process()
            await self._launch(process, order, entry, argv)
        except BaseException as error:
            reason = str(error) if isinstance(error, LLMAgentOSError) else type(error).__name__
            self._table.exit(process, 126, reason)
            self._table.reap(process.pid)
            raise
        return process

    def _entry(self, order: Order) -> tuple[str, tuple[str, ...] | None]:
        """Say which function runs a program, or which command line."""
        program = order.program
        if program == "-":
            if not order.arguments:
                raise InvalidArgument("the command line is empty")
            return "", order.arguments
        if _MODULE.fullmatch(program):
            return self._runtimes["py"].entry, None
        path = Path(program)
        if not path.is_absolute():
            raise InvalidArgument(f"{program!r} is neither an absolute path nor module:function")
        if not path.is_file():
            raise NotFound(f"there is no program {program}")
        runtime = self._runtimes.get(path.suffix.removeprefix("."))
        if runtime is None:
            known = ", ".join(f".{suffix}" for suffix in sorted(self._runtimes))
            raise InvalidArgument(f"{path.name} is of no kind that can be run: {known}")
        return runtime.entry, None

    def _rights(self, parent: ControlBlock, order: Order) -> CapabilitySet:
        """Return a child's capabilities: what is asked for, or what agents usually get."""
        if order.capabilities is not None:
            held = order.capabilities
        elif parent.kind is Kind.AGENT:
            held = parent.capabilities
        else:
            plugins = (f"{name}.*" for name in sorted(self._interfaces()))
            usual = CapabilitySet.parse([*self._config.capabilities, *plugins])
            held = CapabilitySet(
                one for one in usual if any(mine.covers(one) for mine in parent.capabilities)
            )
        return held.without(order.drop)

    async def _launch(
        self, process: ControlBlock, order: Order, entry: str, argv: tuple[str, ...] | None
    ) -> None:
        process.nice, process.task, process.remove = order.nice, order.task, order.remove
        process.home = self._paths.home(process.principal, process.name)
        process.log = self._paths.log(process.pid)
        process.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        process.log.touch(mode=0o600)
        if order.on_born is not None:
            order.on_born(process)
        sock = await self._bus.connect(process)
        try:
            launched = await self._launcher.launch(
                Launch(
                    pid=process.pid,
                    entry=entry,
                    argv=argv,
                    arguments={
                        "program": order.program,
                        "task": order.task,
                        "arguments": list(order.arguments),
                    },
                    home=process.home,
                    log=process.log,
                    readable=(Path(order.program).parent,) if "/" in order.program else (),
                    environment=dict(order.environment),
                    sandbox=Sandbox(**self._config.sandbox.model_dump()),
                ),
                sock,
            )
        finally:
            sock.close()
        process.os_pid, process.sandbox = launched.os_pid, dict(launched.report)
        for told in self.on_birth:
            told(process)
        self._events.emit(
            "process.started", f"{process.name} started", process.pid, program=process.program
        )
        if (seconds := _shortest(order.timeout, process.budget.wall_seconds())) is not None:
            loop = asyncio.get_running_loop()
            self._timers[process.pid] = loop.call_later(seconds, self._time_out, process, seconds)

    def _time_out(self, process: ControlBlock, seconds: float) -> None:
        if process.state is State.ZOMBIE:
            return
        process.verdict = (124, f"stopped after {seconds:g} s")
        self._kill(process, signals.SIGCONT)
        self._kill(process, signals.SIGTERM)
        loop = asyncio.get_running_loop()
        self._timers[process.pid] = loop.call_later(GRACE, self._kill, process, signals.SIGKILL)

    def renice(self, caller: ControlBlock, process: ControlBlock, nice: int) -> None:
        """Change a process's rank. Raises `PermissionDenied` for an agent that asks for a better.

        A person may do what an agent may not: push itself to the front.
        """
        if not -20 <= nice <= 19:
            raise InvalidArgument(f"nice is -20 to 19, not {nice}")
        if caller.kind is Kind.AGENT and nice < process.nice:
            raise PermissionDenied("an agent may only lower a process's rank")
        process.nice = nice
        self._devices.renice(process.pid, nice)

    def signal(self, process: ControlBlock, number: signals.Signals) -> None:
        """Send a signal. Raises `InvalidArgument` for a process that cannot take one."""
        if process.state is State.ZOMBIE:
            raise InvalidArgument(f"process {process.pid} has ended")
        if process.os_pid is None:
            raise InvalidArgument(f"process {process.pid} has no program to signal")
        if process.kind is not Kind.AGENT and number in (signals.SIGSTOP, signals.SIGCONT):
            raise PermissionDenied(f"{process.name} is a {process.kind}; everybody needs it")
        if number is signals.SIGSTOP:
            process.state = State.SUSPENDED
            self._devices.hold(process.pid)
        elif process.state is State.SUSPENDED:
            # A stopped process takes no other signal but KILL before it goes on.
            process.state = State.RUNNING
            self._devices.resume(process.pid)
            if number is not signals.SIGCONT:
                self._kill(process, signals.SIGCONT)
        self._kill(process, number)

    def _kill(self, process: ControlBlock, number: signals.Signals) -> None:
        if process.os_pid is not None and process.state is not State.ZOMBIE:
            self._launcher.signal(process.os_pid, number)

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
        if (timer := self._timers.pop(process.pid, None)) is not None:
            timer.cancel()
        if process.verdict is not None:
            code, reason = process.verdict
        elif number:
            code, reason = 128 + number, f"ended by {signals.Signals(number).name}"
        else:
            reason = "finished" if code == 0 else f"ended with code {code}"
        self._devices.resume(process.pid)
        self._table.exit(process, code, reason)
        self._events.emit("process.exited", f"{process.name} {reason}", process.pid, code=code)
        for told in self.on_end:
            told(process)
        if process.remove and process.kind is Kind.AGENT:
            # Whoever waits for it looks at it in this turn of the loop.
            asyncio.get_running_loop().call_soon(self.remove, process)
        self._forget_oldest()

    def remove(self, process: ControlBlock) -> None:
        """Forget an ended process and its log. Raises `InvalidArgument` while it lives."""
        self._table.reap(process.pid)
        if process.log is not None:
            process.log.unlink(missing_ok=True)

    def _forget_oldest(self) -> None:
        ended = [one for one in self._table if one.state is State.ZOMBIE]
        for process in ended[:-KEPT]:
            self.remove(process)


def _completed(order: Order) -> Order:
    """Let an agent's file say what the order leaves open."""
    said = declared(Path(order.program))
    return replace(
        order,
        name=order.name or said.name,
        capabilities=said.capabilities if order.capabilities is None else order.capabilities,
        budget={**said.budget, **order.budget},
    )


def _name_of(order: Order) -> str:
    if order.program == "-":
        return re.sub(r"[^\w.-]", "_", Path(order.arguments[0]).name)[:64]
    if ":" in order.program and "/" not in order.program:
        return order.program.partition(":")[0].rpartition(".")[2]
    return re.sub(r"[^\w.-]", "_", Path(order.program).stem)[:64]


def _shortest(*seconds: float | None) -> float | None:
    return min((one for one in seconds if one is not None), default=None)
