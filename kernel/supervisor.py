"""The supervisor: starts drivers and services, and starts them again when they end.

The first restart comes at once, later ones after a delay that doubles up to a cap; too many in
too short a time and the service is given up, which `aos status` and readiness then show. One that
is not up in time, or whose main loop does not answer any more, is killed and starts again like any
other.

Interface:
    Service         one driver or service, whichever process runs it at present
    Supervisor      an asynchronous context; `add` before it is entered
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..syscalls.system import ServiceInfo
from .bus import Bus
from .capability import CapabilitySet
from .config import PluginConfig
from .events import EventLog
from .launcher.contract import Launch, Launched, Launcher, Sandbox
from .paths import Paths
from .plugins import Plugin
from .process import ControlBlock, Kind, ProcessTable
from .pulse import Pulse
from .restarts import Restarts
from .sandbox import seccomp
from .shown import line

#: From settings as configured to settings with secrets in place of their names, and those secrets.
Resolve = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[str]]]
#: Seconds until a service that does not end when asked is killed.
GRACE = 5.0
#: Seconds between two questions whether a service still answers, and how many it may leave open.
BEAT, SILENCES = 10.0, 3
#: Bytes of the end of a log that the last line is looked for in, and characters of it that are
#: shown.
END, SHOWN = 8192, 300


class Service:
    """One driver or service. The supervisor alone writes it."""

    def __init__(self, plugin: Plugin, kind: Kind, config: PluginConfig) -> None:
        self.plugin = plugin
        self.kind = kind
        self.config = config
        self.process: ControlBlock | None = None
        self.state = "starting"
        self.restarts = 0
        self.reason: str | None = None
        self.url: str | None = None
        self.deaths = Restarts()
        #: Set once it has been up, or has failed to.
        self.tried = asyncio.Event()
        #: Bytes of the log that those before this process have written.
        self.written = 0

    @property
    def key(self) -> str:
        """Return what it is called among all drivers and services."""
        return f"{self.kind.value}/{self.plugin.name}"

    def info(self) -> ServiceInfo:
        """Return how it is, for people."""
        return ServiceInfo(
            name=self.plugin.name,
            kind=self.kind.value,
            pid=None if self.process is None else self.process.pid,
            state=self.state,
            restarts=self.restarts,
            reason=self.reason,
            source=self.plugin.source,
        )


class Supervisor:
    """Keeps every driver and service running. While it is entered, they are."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        bus: Bus,
        launcher: Launcher,
        events: EventLog,
        paths: Paths,
        principal: str,
        capabilities: Callable[[Plugin, Kind], CapabilitySet],
        resolve: Resolve = lambda settings: (dict(settings), []),
        clock: Callable[[], float] = time.monotonic,
        beat: float = BEAT,
    ) -> None:
        self.services: list[Service] = []
        self._table = table
        self._bus = bus
        self._launcher = launcher
        self._events = events
        self._paths = paths
        self._principal = principal
        self._capabilities = capabilities
        self._resolve = resolve
        self._clock = clock
        self._beat = beat
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, plugin: Plugin, kind: Kind, config: PluginConfig) -> None:
        """Take a driver or service into care."""
        self.services.append(Service(plugin, kind, config))

    @property
    def strangers(self) -> set[str]:
        """Return the keys of those that are not ours."""
        return {one.key for one in self.services if one.plugin.source != "llmagentos"}

    def of(self, process: ControlBlock) -> Service | None:
        """Return which service a process runs."""
        return next((one for one in self.services if one.process is process), None)

    def ready(self, process: ControlBlock, url: str | None) -> None:
        """Note that a service says it is up."""
        service = self.of(process)
        if service is not None:
            service.tried.set()
            service.url = url or service.url
            if service.state != "ready":
                service.state = "ready"
                self._events.emit("service.ready", f"{service.plugin.name} is up", process.pid)

    async def tried(self, keys: Collection[str], patience: float) -> None:
        """Wait, no longer than `patience` seconds, until each of these has come up or failed to."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for service in self.services:
                    if service.key in keys:
                        await service.tried.wait()

    @property
    def all_ready(self) -> bool:
        """Whether every driver and service answers."""
        return all(service.state == "ready" for service in self.services)

    async def __aenter__(self) -> Supervisor:
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self._keep(one)) for one in self.services]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            # A defect in a task has cancelled whoever entered, and comes out here; an error of the
            # house's own passes by as it is.
            await self._group.__aexit__(None, None, None)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        running = [s.process for s in reversed(self.services) if s.process is not None]
        for process in running:
            self._signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                for process in running:
                    await process.exited.wait()
        except TimeoutError:
            for process in running:
                self._signal(process, signal.SIGKILL)

    def _signal(self, process: ControlBlock, number: signal.Signals) -> None:
        if process.os_pid is not None and not process.exited.is_set():
            self._launcher.signal(process.os_pid, number)

    async def _keep(self, service: Service) -> None:
        while True:
            service.state = "starting"
            try:
                process = await self._start(service)
                await self._outlive(service, process)
                service.reason = _why(service, process)
                self._table.reap(process.pid)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # Whatever kept it from starting, it is tried again.
                service.reason = str(error) or type(error).__name__
            service.process = None
            service.tried.set()
            name = service.plugin.name
            log = self._paths.of_plugin(service.kind.value, name) / "log"
            if (delay := service.deaths.died(self._clock())) is None:
                service.state = "failed"
                self._events.emit(
                    "service.failed", f"{name} is given up: {service.reason}; see {log}"
                )
                return
            service.state = "waiting"
            service.restarts += 1
            self._events.emit(
                "service.restarted",
                f"{name} ended ({service.reason}) and starts again in {delay:g} s",
            )
            await asyncio.sleep(delay)

    async def _outlive(self, service: Service, process: ControlBlock) -> None:
        """Wait for a process's end; bring it about where it is not up in time or falls silent."""

        patience = service.config.patience

        def give_up() -> None:
            if service.state == "starting":
                self._end(process, f"was not up after {patience:g} s (its patience)")

        timer = asyncio.get_running_loop().call_later(patience, give_up)
        pulse = Pulse(process)
        try:
            while not await _within(self._beat, process.exited):
                if service.state == "ready" and pulse.beat() >= SILENCES:
                    self._end(process, f"did not answer for {SILENCES * self._beat:g} s")
        finally:
            timer.cancel()

    def _end(self, process: ControlBlock, reason: str) -> None:
        process.verdict = (137, reason)
        self._signal(process, signal.SIGKILL)

    async def _start(self, service: Service) -> ControlBlock:
        plugin, kind = service.plugin, service.kind
        wanted = service.config.capabilities
        process = self._table.create(
            principal=self._principal,
            program=plugin.entry,
            capabilities=self._capabilities(plugin, kind)
            if wanted is None
            else CapabilitySet.parse(wanted),
            kind=kind,
            name=plugin.name,
        )
        try:
            launched = await self._launch(process, service)
        except BaseException:
            self._table.exit(process, 126, "could not be started")
            self._table.reap(process.pid)
            raise
        process.os_pid, process.sandbox = launched.os_pid, dict(launched.report)
        service.process = process
        return process

    async def _launch(self, process: ControlBlock, service: Service) -> Launched:
        folder = self._paths.of_plugin(service.kind.value, service.plugin.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        process.home, process.log = folder, folder / "log"
        with suppress(OSError):
            service.written = process.log.stat().st_size
        settings, secrets = self._resolve(service.config.settings)
        arguments: dict[str, Any] = {
            "entry": service.plugin.entry,
            "state": str(folder),
            "homes": str(self._paths.homes),
            "config": settings,
            "secrets": secrets,
            "seccomp": _filter(),
        }
        with await self._bus.connect(process) as sock:
            return await self._launcher.launch(
                Launch(
                    pid=process.pid,
                    entry="llmagentos.syscalls.host:run",
                    arguments=arguments,
                    home=folder,
                    log=process.log,
                    sandbox=Sandbox.none(),
                ),
                sock,
            )


def _why(service: Service, process: ControlBlock) -> str | None:
    """Return why a service has ended: where it did so by itself, with the last line it wrote."""
    reason, said = process.exit_reason, b""
    if not process.exit_code or process.exit_code > 128 or process.log is None:
        return reason
    with suppress(OSError), process.log.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        since = service.written if service.written <= size else 0
        log.seek(max(since, size - END))
        said = (log.read(END).strip().splitlines() or [b""])[-1]
    text = line(said.decode(errors="replace").removeprefix(f"{service.plugin.entry}: "), SHOWN)
    return f"{reason}: {text.strip()}" if text.strip() else reason


def _filter() -> bytes:
    """Return what a driver may hold a stranger's program by; nothing where there is no list."""
    with suppress(OSError):
        return seccomp.compiled(internet=True)
    return b""


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether something happens within a time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
