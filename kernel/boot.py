"""Boot: the rooms come up as one stack and go down in reverse.

    lock → journal → launcher → bus → process 1 → drivers and services → control socket

Interface:
    run(settings)       a whole daemon, until it is told to stop
    python -m llmagentos.kernel.boot
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..syscalls.client import Client
from ..syscalls.clock import Clock
from ..syscalls.errors import DeviceError, LLMAgentOSError
from ..syscalls.server import Server
from ..syscalls.table import describe
from .agents import Agents
from .alone import alone, dice, locked
from .announced import Announced
from .approvals import NUMBERS
from .bus import Bus
from .capability import CapabilitySet
from .config import Config, PluginConfig
from .control import Control, user_name
from .devices import DeviceTable
from .durable.recovery import recover
from .durable.revival import Revival
from .durable.story import ANSWERS, RIGHTS, STEERED
from .events import EventLog
from .grants import DRIVEN, foreign, granted
from .init.affairs import Affairs
from .init.answers import Answers
from .init.house import House
from .init.letters import Letters
from .init.machine import Machine
from .init.processes import Processes
from .init.rights import Warden
from .init.sleep import Sleeper, described
from .journal.compaction import Compaction
from .journal.history import History
from .journal.recorder import JournalRecorder
from .journal.writer import JournalWriter
from .launcher.contract import Launcher, Sandbox
from .launcher.zygote import ZygoteLauncher
from .mailbox import PostOffice
from .paths import Paths, PidSequence
from .plugins import Plugin, plugins
from .policy.registry import find
from .process import ControlBlock, Kind, ProcessTable, State
from .rights import policy as rights_policy
from .rights.audit import Audit
from .rights.denials import Denials
from .rights.principals import Principals
from .rights.secrets import Secrets
from .rights.spending import Spending
from .runqueue import RunQueue
from .sandbox import cgroup
from .sandbox.crowd import Crowd
from .stop import Stop
from .supervisor import Supervisor
from .tokens import TokenStore
from .trap import Trap


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a daemon is started with."""

    paths: Paths
    config: Config
    #: Told `ready` once syscalls are accepted, and `ending` when no more will be.
    tell: Callable[[str], None] = lambda word: None
    #: The control socket, where somebody else holds it beyond this daemon's life.
    listener: socket.socket | None = None
    #: Where the owner's policy stands.
    policy: tuple[Path, ...] = field(default_factory=lambda: tuple(rights_policy.standard_files()))


#: Seconds that the daemon waits for plugins that start for the first time.
NEWCOMERS = 15.0
#: Objects that are made before the new ones are looked through for garbage.
NEW_OBJECTS = 50_000


async def run(settings: Settings, launcher: Launcher | None = None) -> None:
    """Run a daemon until SIGTERM, SIGINT or `system.shutdown`.

    Raises `AlreadyExists` while another daemon has the same runtime or state folder, and
    `InvalidArgument` for a bad policy.
    """
    events = EventLog()
    principals = Principals(user_name(os.getuid()), settings.policy)
    stop = Stop()
    _listen(stop, principals, events)
    async with AsyncExitStack() as stack:
        with stop.heeding():
            await _come_up(stack, settings, launcher, principals, events, stop)
        await stop.wait()
        settings.tell("ending")


async def _come_up(
    stack: AsyncExitStack,
    settings: Settings,
    launcher: Launcher | None,
    principals: Principals,
    events: EventLog,
    stop: Stop,
) -> None:
    """Enter one room after the other, until syscalls are accepted."""
    paths, config = settings.paths, settings.config
    providers = list(_providers(config))
    paths.make()
    for lock in (paths.lock, paths.state / "state.lock"):
        stack.callback(locked(lock))
    launcher = launcher or ZygoteLauncher(
        Sandbox(**config.agents.sandbox.agent.model_dump()),
        lifeline=await alone(paths.children, stack),
        dice=dice(paths.dice),
        writable=(str(paths.homes), str(paths.logs)),
        entries=[one.entry for _, one, _ in providers if one.source == "llmagentos"],
    )
    stack.push_async_callback(launcher.close)
    found, _ = await asyncio.gather(asyncio.to_thread(recover, paths.journal), launcher.start())
    journal = JournalWriter(paths.journal, census=found.census)
    newest = journal.number
    stack.callback(journal.close)
    recorder = JournalRecorder(journal, sync=config.journal.sync)
    stack.callback(recorder.close)
    make_queue = _queues(config)
    trap = Trap(devices=DeviceTable(make_queue), recorder=recorder)
    table = ProcessTable(PidSequence(paths.pids, found.census.last))
    journal.places.exists = lambda pid: table.find(pid) is not None
    secrets = Secrets(paths.secrets)
    trap.hold(principals.over)
    trap.hide(secrets.redaction.body)
    events.hide = secrets.redaction.text
    trap.taint.on_first = events.tainted
    trap.approvals.emit = events.emit
    trap.approvals.last = newest * NUMBERS
    trap.tell(Denials(events).note)
    tokens = TokenStore(paths.tokens)
    await stack.enter_async_context(Spending(paths.spent, principals, tokens.spent))
    bus = await stack.enter_async_context(Bus(trap))
    agents = Agents(
        table=table,
        bus=bus,
        launcher=launcher,
        trap=trap,
        events=events,
        paths=paths,
        config=config.agents,
        runtimes=plugins("runtimes"),
        interfaces=lambda: foreign(one.name for one in trap.registry.descriptions()),
    )
    delegated = cgroup.delegated()
    agents.group = None if delegated is None else str(delegated)
    await stack.enter_async_context(_crowd(table, agents, delegated))
    launcher.on_exit = agents.on_exit
    agents.on_birth.append(recorder.started)
    agents.on_end.append(recorder.exited)
    agents.on_removal.append(recorder.removed)
    recorder.durable = lambda pid: _durable(table, pid)
    agents.on_steered = partial(_steered, recorder)
    table.on_revoked = partial(_revoked, recorder)
    supervisor = Supervisor(
        table=table,
        bus=bus,
        launcher=launcher,
        events=events,
        paths=paths,
        principal=user_name(os.getuid()),
        capabilities=lambda plugin, kind: granted(plugin, config),
        resolve=secrets.resolve,
    )
    post = PostOffice()
    revival = Revival(
        table=table,
        trap=trap,
        agents=agents,
        recorder=recorder,
        post=post,
        events=events,
        journal=paths.journal,
        census=found.census,
        purse=principals.purse,
    )
    house = House(
        table=table,
        trap=trap,
        agents=agents,
        supervisor=supervisor,
        events=events,
        post=post,
        tokens=tokens,
        paths=paths,
        config=config,
        history=History(
            paths.journal,
            journal.places,
            recorder.flush,
            {pid: life.start for pid, life in found.census},
            newest,
        ),
        revival=revival,
        principals=principals,
    )
    _hold(house, principals)
    audit = Audit(paths.journal, recorder.flush, trap.registry.subject)
    warden = Warden(house, audit, secrets)
    await _start_init(stack, house, stop, bus, recorder.health, warden)
    for kind, plugin, told in providers:
        supervisor.add(plugin, kind, told)
    announced = Announced(paths.announced, trap.registry, supervisor.strangers)
    announced.recall()
    trap.registry.on_provide = announced.note
    await stack.enter_async_context(supervisor)
    keep = config.journal
    compaction = Compaction(journal, days=keep.retention_days, most=keep.max_bytes)
    await stack.enter_async_context(compaction)
    await stack.enter_async_context(revival)
    for damage in found.damage:
        if not damage.torn:
            where = f"{damage.path.name}, byte {damage.offset}"
            events.emit("journal.damaged", f"{where}: {damage.reason}")
    # What was loaded stays; what comes is looked through less often than Python would.
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    for former in found.processes:
        revival.restore(former)
    await supervisor.tried(announced.unknown, NEWCOMERS)
    # Before the drivers: an agent that is asked to end may want to store something first.
    stack.push_async_callback(_stop_agents, house)
    control = Control(paths.socket, bus, table, principals, settings.listener)
    control.on_end.append(lambda session: house.post.close(session.pid))
    await stack.enter_async_context(control)
    events.emit("system.started", "the daemon accepts syscalls")
    settings.tell("ready")


def _providers(config: Config) -> Iterator[tuple[Kind, Plugin, PluginConfig]]:
    """Yield every driver and service that is to run, with what it is told."""
    for group, kind, chosen in (
        ("drivers", Kind.DRIVER, config.drivers),
        ("services", Kind.SERVICE, config.services),
    ):
        for name, plugin in plugins(group).items():
            if (told := chosen.get(name, PluginConfig())).enabled:
                yield kind, plugin, told


async def _start_init(
    stack: AsyncExitStack,
    house: House,
    stop: Stop,
    bus: Bus,
    health: Callable[[], str],
    warden: Warden,
) -> None:
    """Start process 1: a client of the bus like any other, in this very process."""
    init = house.table.create(
        principal=user_name(os.getuid()),
        program="init",
        capabilities=CapabilitySet.parse(["*"]),
        kind=Kind.KERNEL,
    )
    served = (
        Processes(house), Letters(house), Affairs(house, stop, health), Answers(house),
        Machine(house), warden,
    )  # fmt: skip
    tasks = await stack.enter_async_context(asyncio.TaskGroup())
    client = Client()
    Server(tasks, *served, Sleeper()).attach(client)
    sock = await bus.connect(init)
    await client.open(sock)
    stack.callback(client.close)
    for interface in served:
        stack.push_async_callback(interface.teardown)
        house.trap.provide(init, describe(type(interface)))
    house.trap.registry.expect(*DRIVEN)
    house.trap.answer(
        Clock,
        now=lambda process: time.time(),
        monotonic=lambda process: time.monotonic(),
        random=lambda process, count: os.urandom(count).hex(),
    )
    house.trap.provide(init, described())


def _crowd(table: ProcessTable, agents: Agents, group: Path | None) -> Crowd:
    """Look after how many processes each agent has, and forget control groups of ended ones."""

    def watched() -> dict[int, int]:
        return {
            one.os_pid: one.crowd
            for one in table
            if one.os_pid and one.crowd and one.state is not State.ZOMBIE
        }

    def overrun(os_pid: int) -> None:
        for process in table:
            if process.os_pid == os_pid and process.state is not State.ZOMBIE:
                agents.kill(process, 137, f"had more than {process.crowd} processes")

    if group is not None:
        agents.on_end.append(lambda process: cgroup.remove(group, f"aos-{process.os_pid}"))
    return Crowd(watched, overrun)


def _listen(stop: Stop, principals: Principals, events: EventLog) -> None:
    """Heed signals from now on: to end, or, by SIGHUP, to read the policy again."""

    def reload() -> None:
        try:
            principals.reload()
        except LLMAgentOSError as error:
            events.emit("policy.refused", f"the policy stays as it was: {error.message}")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Of a terminal that is closed it says that the daemon should end.
    loop.add_signal_handler(signal.SIGHUP, stop.set if os.isatty(0) else reload)
    # The keeper has them wait until somebody listens.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


def _hold(house: House, principals: Principals) -> None:
    """Let a policy that was read again hold."""

    def meter() -> None:
        for process in house.table:
            process.metered = None
        house.events.emit("policy.changed", "the policy was read again")

    principals.on_change.append(meter)


async def _stop_agents(house: House) -> None:
    """Ask every agent to end, and kill those that do not."""
    # Durable ones go on with the next daemon.
    alive = [
        one
        for one in house.table
        if one.kind is Kind.AGENT and not one.exited.is_set() and one.durable is None
    ]
    await asyncio.gather(*(house.agents.stop(one, 5.0) for one in alive), return_exceptions=True)


def _durable(table: ProcessTable, pid: int) -> ControlBlock | None:
    process = table.find(pid)
    return process if process is not None and process.durable is not None else None


def _steered(recorder: JournalRecorder, process: ControlBlock) -> None:
    """A durable process has its rank again when it runs again, and is suspended where it was."""
    if process.durable is not None:
        recorder.mark(process, STEERED, [process.nice, process.durable.suspended])


def _revoked(recorder: JournalRecorder, process: ControlBlock) -> None:
    """What was taken from a durable process stays taken when it runs again."""
    if process.durable is not None:
        recorder.mark(process, RIGHTS, [str(one) for one in process.capabilities])
        recorder.mark(process, ANSWERS, [])


def _queues(config: Config) -> Callable[[], RunQueue]:
    asked = config.scheduler
    policy, patience = find(asked.policy), asked.patience or math.inf
    return lambda: RunQueue(policy(), name=asked.policy, capacity=asked.capacity, patience=patience)


def _raise_files() -> None:
    """Allow as many open files as the machine does: an agent takes one, and 1,024 are soon used."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(OSError, ValueError):  # The machine's own bound may have been lowered since.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Run a daemon as the command line says."""
    import uvloop

    from .command_line import settings

    _raise_files()
    try:
        uvloop.run(run(settings(sys.argv[1:])))
    except LLMAgentOSError as error:
        # In one line: the last one is what whoever has started it is told.
        print("aos:", *str(error).split(), file=sys.stderr)
        # Its zygote has died: another start may do. All else is a refusal, which the keeper heeds.
        return 1 if isinstance(error, DeviceError) else 125
    return 0


if __name__ == "__main__":
    sys.exit(main())
