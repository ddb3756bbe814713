"""What process 1 and the parts around it look after: tokens, letters, logs, services, sessions."""

from __future__ import annotations

import asyncio
import errno
import os as machine
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel import control as control_module
from llmagentos.kernel.bus import Bus
from llmagentos.kernel.call import Call
from llmagentos.kernel.capability import BY_NAME, CapabilitySet
from llmagentos.kernel.config import Config, PluginConfig
from llmagentos.kernel.control import Control
from llmagentos.kernel.events import Channel, EventLog, Room
from llmagentos.kernel.init import logs
from llmagentos.kernel.init import memory as gauge
from llmagentos.kernel.init.affairs import Affairs
from llmagentos.kernel.init.answers import Answers
from llmagentos.kernel.init.house import House
from llmagentos.kernel.init.letters import Letters
from llmagentos.kernel.init.logs import read_log
from llmagentos.kernel.init.sessions import Sessions
from llmagentos.kernel.init.watch import watch
from llmagentos.kernel.journal.history import History
from llmagentos.kernel.journal.places import Places
from llmagentos.kernel.journal.reader import read
from llmagentos.kernel.journal.record import Kind as RecordKind
from llmagentos.kernel.journal.recorder import JournalRecorder
from llmagentos.kernel.journal.writer import JournalWriter
from llmagentos.kernel.keys import Keys
from llmagentos.kernel.launcher.contract import Launch, Launched, OnExit
from llmagentos.kernel.mailbox import BYTES, CAPACITY, PostOffice
from llmagentos.kernel.paths import Paths
from llmagentos.kernel.plugins import Plugin
from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.rights.principals import Principals
from llmagentos.kernel.spawn import Order
from llmagentos.kernel.supervisor import Supervisor
from llmagentos.kernel.tokens import TokenStore
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.codec import pack, unpack
from llmagentos.syscalls.errors import (
    InputOutputError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Process, Traced
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.system import NewToken
from llmagentos.syscalls.table import Description, describe
from llmagentos.syscalls.tool import Tool


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """A house without agents, on a real bus; the owner's session and a gateway are at home."""

    def __init__(self, folder: Path, bus: Bus, trap: Trap) -> None:
        self.clock = Clock()
        self.trap, self.bus = trap, bus
        self.table = ProcessTable()
        self.post = PostOffice()
        self.tokens = TokenStore(folder / "tokens.json", self.clock)
        self.house = House(
            table=self.table,
            trap=trap,
            agents=cast(Any, SimpleNamespace(on_end=[], keys=Keys())),
            supervisor=cast(Any, None),
            events=EventLog(),
            post=self.post,
            tokens=self.tokens,
            paths=Paths(state=folder, runtime=folder),
            config=Config(),
            history=History(folder, Places(), lambda: None),
            revival=cast(Any, None),
            principals=Principals("ada", [folder / "policy.toml"]),
        )
        self.affairs = Affairs(self.house, asyncio.Event(), lambda: "healthy")
        self.clients: list[Client] = []

    @property
    def sessions(self) -> Sessions:
        return self.affairs._sessions

    async def live(self, kind: Kind, *capabilities: str, principal: str = "ada") -> OS:
        held = CapabilitySet.parse(capabilities)
        process = self.table.create(principal=principal, program="x", capabilities=held, kind=kind)
        client = await connect(await self.bus.connect(process))
        self.clients.append(client)
        return OS(client)

    async def serve(self, tasks: asyncio.TaskGroup) -> None:
        process = self.table.create(principal="ada", program="init", kind=Kind.KERNEL)
        served = (self.affairs, Letters(self.house), Answers(self.house))
        client = Client()
        Server(tasks, *served).attach(client)
        await client.open(await self.bus.connect(process))
        self.clients.append(client)
        for interface in served:
            self.trap.provide(process, describe(type(interface)))
        self.trap.registry.expect(Tool)
        self.owner = await self.live(Kind.SESSION, "*")
        self.gateway = await self.live(Kind.SERVICE, "system.session")

    async def call(self, token: NewToken, name: str, /, **arguments: Any) -> Any:
        """Call with a token's rights, as the gateway does."""
        session = await self.gateway.system.session(token.secret)
        return await self.gateway.client.call(name, arguments, behalf=-session.pid)

    async def process(self, token: NewToken) -> ControlBlock:
        return self.table[(await self.gateway.system.session(token.secret)).pid]


def play(folder: Path, scene: Callable[[Place], Awaitable[None]]) -> None:
    async def run() -> None:
        trap = Trap()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, Bus(trap) as bus:
            place = Place(folder, bus, trap)
            await place.serve(tasks)
            await scene(place)
            for client in place.clients:
                client.close()
                await client.lost.wait()
            assert trap.pending == 0

    asyncio.run(run())


def made(raw: Any) -> NewToken:
    info = SimpleNamespace(**raw["info"])
    return NewToken(secret=raw["secret"], info=cast(Any, info))


# Tokens.


def test_token_made_with_another_is_a_part_of_it(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        rights = ["system.token_create", "tool.*"]
        first = await place.owner.system.token_create("a", rights, {"tokens": 10}, 60)
        for wanted in ("*", "memory.get"):
            with pytest.raises(PermissionDenied, match="not held"):
                await place.call(first, "system.token_create", name="b", capabilities=[wanted])
        second = made(await place.call(first, "system.token_create", name="b"))
        assert second.info.capabilities == ["tool.*"]
        assert second.info.budget == {"tokens": 10}
        assert second.info.expires == first.info.expires
        (await place.process(second)).budget.spend({"tokens": 7})
        parent = (await place.process(first)).budget
        assert parent.remaining("tokens") == 3
        wide = await place.call(
            first, "system.token_create", name="c", budget={"tokens": 99, "money": 1}, expires_in=9
        )
        assert wide["info"]["budget"] == {"tokens": 10, "money": 1}
        assert wide["info"]["expires"] == place.clock.now + 9

    play(tmp_path, scene)


def test_token_is_revoked_with_the_one_it_was_made_with(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        first = await place.owner.system.token_create("a", ["system.token_*", "ipc.*"])
        other = await place.owner.system.token_create("other")
        raw = await place.call(
            first, "system.token_create", name="b", capabilities=["system.token_create", "ipc.*"]
        )
        third = made(await place.call(made(raw), "system.token_create", name="c"))
        seen = await place.call(first, "system.token_ls")
        assert [one["name"] for one in seen] == ["a", "b", "c"]
        with pytest.raises(NotFound):
            await place.call(first, "system.token_revoke", id=other.info.id)
        session = await place.process(third)
        hung = asyncio.create_task(place.call(third, "ipc.recv"))
        while not session.syscalls:
            await place.owner.system.table()
        await place.owner.system.token_revoke(first.info.id)
        with pytest.raises(PermissionDenied, match="revoked"):
            await hung
        assert place.table.find(session.pid) is None and not place.post._boxes
        for one in (first, made(raw), third):
            with pytest.raises(PermissionDenied, match="revoked"):
                await place.gateway.system.session(one.secret)
        await place.gateway.system.session(other.secret)
        assert TokenStore(tmp_path / "tokens.json").find(other.secret)
        with pytest.raises(PermissionDenied):
            TokenStore(tmp_path / "tokens.json").find(third.secret)

    play(tmp_path, scene)


def test_expiry_ends_what_a_token_has_begun(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        token = await place.owner.system.token_create("a", ["ipc.*"], None, 60)
        session = await place.process(token)
        hung = asyncio.create_task(place.call(token, "ipc.recv"))
        while not session.syscalls:
            await place.owner.system.table()
        place.clock.now += 59
        place.sessions.sweep()
        assert not hung.done() and place.sessions._timer is not None
        place.clock.now += 1
        place.sessions._set_timer()  # The next turn of the loop is when it expires.
        with pytest.raises(PermissionDenied, match="expired"):
            await hung
        assert place.table.find(session.pid) is None and place.sessions._timer is None

    play(tmp_path, scene)


def test_token_may_do_all_but_harm_the_system_unless_it_is_said(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        held = CapabilitySet.parse(
            (await place.owner.system.token_create("laptop")).info.capabilities
        )
        for name in (one.name for one in await place.owner.system.table()):
            harmless = name in ("system.table", "system.status", "system.events")
            reserved = name.startswith(("system.", "approval.", "rights.")) or name in BY_NAME
            assert (held.free(name) is not None) == (harmless or not reserved), name
        named = await place.owner.system.token_create("admin", ["system.shutdown"])
        assert named.info.capabilities == ["system.shutdown"]
        narrow = await place.live(Kind.SESSION, "system.token_create", "tool.call:calculator")
        assert (await narrow.system.token_create("n")).info.capabilities == ["tool.call:calculator"]

    play(tmp_path, scene)


def test_agent_makes_no_tokens(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        agent = await place.live(Kind.AGENT, "*")
        with pytest.raises(PermissionDenied, match="outlive"):
            await agent.system.token_create("mine")

    play(tmp_path, scene)


def test_what_a_token_has_spent_is_known_to_the_next_daemon(tmp_path: Path) -> None:
    secrets: list[NewToken] = []

    async def before(place: Place) -> None:
        rights = ["system.token_create", "tool.*"]
        first = await place.owner.system.token_create("a", rights, {"tokens": 10})
        second = made(await place.call(first, "system.token_create", name="b"))
        secrets.extend((first, second))
        (await place.process(second)).budget.spend({"tokens": 4})
        await place.affairs.teardown()

    async def after(place: Place) -> None:
        first, second = secrets
        inner, outer = await place.process(second), await place.process(first)
        assert (inner.budget.remaining("tokens"), outer.budget.remaining("tokens")) == (6, 6)
        inner.budget.spend({"tokens": 6})
        await place.process(second)
        assert place.tokens.find(first.secret).spent == {"tokens": 10}

    play(tmp_path, before)
    play(tmp_path, after)


# Approvals.


def test_token_approves_what_it_may_call_itself_and_nothing_of_its_own(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async def token(*held: str) -> NewToken:
            return await place.owner.system.token_create("a", capabilities=list(held))

        weak = await token("approval.*", "ipc.publish?")
        strong = await token("approval.*", "ipc.publish")
        own = await token("approval.*", "ipc.publish", "clock.*?")
        asked: asyncio.Queue[int] = asyncio.Queue()
        place.trap.approvals.emit = lambda kind, text, pid, **details: asked.put_nowait(
            details["id"]
        )
        call = asyncio.ensure_future(place.call(weak, "ipc.publish", topic="a", body=1))
        id = await asked.get()
        for refused in (weak, await token("approval.*")):
            with pytest.raises(PermissionDenied):
                await place.call(refused, "approval.answer", id=id, allow=True)
        with pytest.raises(PermissionDenied, match="no capability"):
            await place.call(await token("ipc.*"), "approval.ls")
        assert [one["id"] for one in await place.call(own, "approval.ls")] == [id]
        assert (await place.call(strong, "approval.answer", id=id, allow=True))["id"] == id
        assert await call == 0

    play(tmp_path, scene)


def test_person_whom_a_new_policy_forbids_a_call_allows_it_to_nobody(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"

    async def scene(place: Place) -> None:
        asked: asyncio.Queue[int] = asyncio.Queue()
        place.trap.approvals.emit = lambda kind, text, pid, **details: asked.put_nowait(
            details["id"]
        )
        agent = await place.live(Kind.AGENT, "ipc.publish?")
        call = asyncio.ensure_future(agent.ipc.publish("a", 1))
        id = await asked.get()
        for may in ("ipc.publish?", "ipc.recv"):
            policy.write_text(
                f"roles.one.capabilities = ['approval.*', '{may}']\nprincipals.ada.roles = ['one']"
            )
            place.house.principals.reload()
            with pytest.raises(PermissionDenied, match="not yours"):
                await place.owner.approval.answer(id, allow=True)
        policy.unlink()
        place.house.principals.reload()
        await place.owner.approval.answer(id, allow=True)
        assert await call == 0

    play(tmp_path, scene)


def test_session_that_ends_asks_for_nothing_any_more(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        token = await place.owner.system.token_create("a", capabilities=["ipc.publish?"])
        asked = asyncio.Event()
        place.trap.approvals.emit = lambda *_, **__: asked.set()
        call = asyncio.ensure_future(place.call(token, "ipc.publish", topic="a", body=1))
        await asked.wait()
        assert len(await place.owner.approval.ls()) == 1
        await place.owner.system.token_revoke(token.info.id)
        with pytest.raises(PermissionDenied, match="revoked"):
            await call
        assert await place.owner.approval.ls() == []

    play(tmp_path, scene)


# Events.


def test_events_of_another_principal_and_of_the_system_are_the_owners_alone(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        bob = await place.live(Kind.SESSION, "*", principal="bob")
        events = place.house.events
        following = bob.system.events(tail=1)
        pids = {one.principal: one.pid for one in place.table}
        events.emit("secret.set", "the secret KEY was set")
        for number in range(2):
            events.emit("process.started", f"{number} of bob", pids["bob"])
            events.emit("process.started", f"{number} of ada", pids["ada"])
        assert (await anext(following)).text == "1 of bob"
        events.emit("approval.asked", "of ada", pids["ada"])
        events.emit("process.exited", "of bob", pids["bob"])
        assert (await anext(following)).text == "of bob"
        await following.aclose()
        seen = [one.text async for one in bob.system.events(follow=False)]
        assert seen == ["0 of bob", "1 of bob", "of bob"]
        assert len([one async for one in place.owner.system.events(follow=False)]) == 7

    play(tmp_path, scene)


# Letters.


def test_receiver_that_leaves_when_woken_passes_the_letter_on() -> None:
    async def scene() -> None:
        post = PostOffice()
        first, second = (asyncio.create_task(post.receive(7)) for _ in range(2))
        await asyncio.sleep(0)
        post.send(1, 7, "hello")
        first.cancel()
        async with asyncio.timeout(60):
            assert (await second).body == "hello"
        assert first.cancelled() and not post._boxes

    asyncio.run(scene())


def test_letters_are_neither_lost_nor_doubled_by_receivers_that_leave() -> None:
    async def scene() -> None:
        post = PostOffice()
        found: list[int] = []
        all_found = asyncio.Event()

        async def receive() -> None:
            found.append((await post.receive(7)).body)
            if len(found) == 200:
                all_found.set()

        tasks = [asyncio.create_task(receive()) for _ in range(300)]
        for number in range(200):
            await asyncio.sleep(0)
            post.send(1, 7, number)
            if number % 2:
                tasks[number].cancel()
        async with asyncio.timeout(60):
            await all_found.wait()
        assert found == list(range(200))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not post._boxes

    asyncio.run(scene())


def test_mailbox_is_bounded_in_letters_and_in_bytes() -> None:
    post = PostOffice()
    for _ in range(CAPACITY):
        post.send(1, 7, None)
    with pytest.raises(TryAgain, match="full"):
        post.send(1, 7, None)
    post.send(1, 8, bytes(BYTES // 2))
    with pytest.raises(TryAgain, match="full"):
        post.send(1, 8, bytes(BYTES // 2))
    post.send(1, 8, "a small one")
    post.close(7)
    assert list(post._boxes) == [8]


def test_slow_reader_of_a_channel_loses_the_oldest_by_number_and_by_bytes() -> None:
    async def scene() -> None:
        many: Channel[int] = Channel(3)
        large: Channel[int] = Channel(room=Room(10))
        for number in range(5):
            many.put(number)
            large.put(number, 4)
        large.put(5, 99)
        for channel in (many, large):
            channel.close()
        assert [item async for item in many] == [2, 3, 4]
        assert [item async for item in large] == [5]

    asyncio.run(scene())


# Logs and memory.


def lines(path: Path, tail: int | None) -> list[str]:
    async def scene() -> list[str]:
        return [line async for line in read_log(path, tail, None)]

    return asyncio.run(scene())


@given(st.lists(st.sampled_from(["", "a", "bb", "ccccc"]), max_size=12), st.booleans(), st.data())
def test_tail_of_a_log_is_its_last_lines(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], ended: bool, data: st.DataObject
) -> None:
    tail = data.draw(st.integers(0, 14))
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_text("\n".join(said) + "\n" * ended)
    expected = path.read_text().split("\n")
    if not expected[-1]:
        expected.pop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "CHUNK", data.draw(st.integers(5, 9)))
        assert lines(path, tail) == expected[len(expected) - min(tail, len(expected)) :]
        assert lines(path, None) == expected


def test_tail_of_an_endless_log_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(2**40)  # A hole: nobody reads through it.
        file.seek(2**40)
        file.write(b"\none\ntwo\n")
    assert lines(path, 2) == ["one", "two"]
    assert sum(map(len, lines(path, 3))) < 3 * logs.CHUNK + 10
    with pytest.raises(InvalidArgument, match="-1"):
        lines(path, -1)


def test_everybody_has_a_turn_while_a_log_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CHUNK", 100)
    path = tmp_path / "log"
    path.write_text("x" * 9 + "\n" * 1000)

    async def scene() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await anext(aiter(read_log(path, 999, None)))
        assert turns >= 9
        task.cancel()

    asyncio.run(scene())


def test_memory_is_measured_aside_and_once_for_all_who_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []
    clock = Clock()

    def resident(os_pid: int) -> int:
        measured.append(os_pid)
        return 5

    monkeypatch.setattr(gauge, "resident", resident)

    async def scene() -> None:
        meter, me = gauge.Gauge(clock), machine.getpid()
        child = await asyncio.create_subprocess_exec("sleep", "60")
        found = await asyncio.gather(*(meter.read(me) for _ in range(20)))
        # Other tests' programs may not have ended yet.
        assert found == [{"kernel": 5, "processes": 5 * len(measured) - 5}] * 20
        assert measured[0] == me and measured.count(child.pid) == 1
        child.kill()
        await child.wait()
        clock.now += gauge.FRESH
        measured.clear()
        assert (await meter.read(me))["kernel"] == 5 and child.pid not in measured

    asyncio.run(scene())


# Watching.


def test_traced_call_whose_values_cannot_be_read_is_shown_without_them() -> None:
    async def scene() -> None:
        process = ProcessTable().create(principal="ada", program="x")
        channel = watch(process)
        assert process.watcher is not None
        for body in (b"\x81\x91\x01\x02", b"\xc1", b"\x92\x01"):
            process.watcher("tool.call", body, "ok", body, 0.1)
        for _ in range(1000):
            process.watcher("tool.ls", b"\x80", "ok", b"\x90", 0.1)
        channel.close()
        seen: list[Traced] = [one async for one in channel]
        assert len(seen) == 256 and seen[-1].syscall == "tool.ls"

    asyncio.run(scene())


def test_defect_of_a_watcher_ends_the_watching_and_not_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("a defect")

    async def scene() -> None:
        recorder = JournalRecorder(JournalWriter(tmp_path))
        call = calling("process.stop")
        call.process.watcher = broken
        recorder.ended(call, "ok", b"\xc0")
        assert call.process.watcher is None and "a defect" in capsys.readouterr().err
        recorder.flush()

    asyncio.run(scene())
    assert [one.outcome for one in read(tmp_path)] == ["ok"]


# Services.


class Stuck:
    """A launcher whose programs end only when killed, and never come up unless told to."""

    def __init__(self, table: ProcessTable) -> None:
        self.on_exit: OnExit = lambda pid, code, number: None
        self.on_launch: Callable[[], None] = lambda: None
        self.launched = asyncio.Event()
        self.signals: list[signal.Signals] = []
        self._table = table

    async def start(self) -> None:
        pass

    async def launch(self, launch: Launch, sock: socket.socket) -> Launched:
        self.launched.set()
        self.on_launch()
        return Launched(os_pid=launch.pid, report={})

    def signal(self, os_pid: int, number: signal.Signals) -> None:
        self.signals.append(number)
        process = self._table[os_pid]
        code, reason = process.verdict or (128 + number, "killed")
        self._table.exit(process, code, reason)

    async def close(self) -> None:
        pass


@asynccontextmanager
async def supervised(
    folder: Path, patience: float, **options: Any
) -> AsyncIterator[tuple[Supervisor, Any, Any]]:
    async with Bus(Trap()) as bus:
        table, events = ProcessTable(), EventLog()
        launcher = Stuck(table)
        supervisor = Supervisor(
            table=table,
            bus=bus,
            launcher=launcher,
            events=events,
            paths=Paths(state=folder, runtime=folder),
            principal="ada",
            capabilities=lambda plugin, kind: CapabilitySet(),
            **options,
        )
        plugin = Plugin(name="stuck", entry="nowhere:Stuck", source="tests")
        supervisor.add(plugin, Kind.DRIVER, PluginConfig(patience=patience))
        yield supervisor, launcher, events


def test_service_that_does_not_come_up_is_killed_and_starts_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), supervised(tmp_path, patience=1e-3) as parts:
            supervisor, launcher, events = parts
            async with supervisor:
                async for event in events.follow(0):
                    assert event.kind == "service.restarted" and "was not up after" in event.text
                    break
                assert launcher.signals == [signal.SIGKILL]
                (service,) = supervisor.services
                assert service.restarts == 1

    asyncio.run(scene())


def test_service_that_is_up_is_left_alone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), supervised(tmp_path, patience=1e-3) as parts:
            supervisor, launcher, _ = parts
            (service,) = supervisor.services
            launcher.on_launch = lambda: setattr(service, "state", "ready")
            async with supervisor:
                await launcher.launched.wait()
                for _ in range(100):
                    await asyncio.sleep(0)
                assert not launcher.signals and service.state == "ready"
            assert launcher.signals == [signal.SIGTERM]

    asyncio.run(scene())


def test_defect_of_the_supervisor_reaches_whoever_entered_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), supervised(tmp_path, patience=1e-3) as parts:
            supervisor, _, events = parts
            monkeypatch.setattr(events, "emit", lambda *_: 1 / 0)
            async with supervisor:
                await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as failed:
        asyncio.run(scene())
    assert failed.group_contains(ZeroDivisionError)


# The control socket.


def test_sessions_are_answered_again_after_the_machine_had_no_files_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "PAUSE", 0.0)

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        accept, refusals = loop.sock_accept, [errno.EMFILE, errno.ECONNABORTED]

        async def refusing(listener: socket.socket) -> Any:
            if refusals:
                raise OSError(refusals.pop(), "refused")
            return await accept(listener)

        monkeypatch.setattr(loop, "sock_accept", refusing)
        path, ended = tmp_path / "s", asyncio.Event()
        gone: list[ControlBlock] = []
        trap, table = Trap(), ProcessTable()
        async with asyncio.timeout(60), Bus(trap) as bus, Control(path, bus, table) as control:
            control.on_end += [gone.append, lambda session: ended.set()]
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(path))
            client = await connect(sock)
            with pytest.raises(Exception, match="ENOSYS"):
                await client.call("no.such")
            client.close()
            await ended.wait()
        assert not refusals and [one.kind for one in gone] == [Kind.SESSION] and not len(table)

    asyncio.run(scene())


def test_another_user_has_a_bounded_number_of_connections_and_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "SESSIONS", 2)
    policy = tmp_path / "policy.toml"
    policy.write_text("principals.bob.socket = true\nprincipals.bob.roles = []")
    names = ["bob"] * 4 + ["mallory", "ada", "ada", "ada"]
    monkeypatch.setattr(control_module, "peer", lambda sock: (1, -7))
    monkeypatch.setattr(control_module, "user_name", lambda uid: names.pop(0))

    async def scene() -> None:
        path, ended = tmp_path / "s", asyncio.Event()
        trap, table, principals = Trap(), ProcessTable(), Principals("ada", [policy])

        async def ask() -> tuple[Client, LLMAgentOSError]:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(path))
            client = await connect(sock)
            with pytest.raises(LLMAgentOSError) as refusal:
                await client.call("no.such")
            return client, refusal.value

        async with (
            asyncio.timeout(60),
            Bus(trap) as bus,
            Control(path, bus, table, principals) as control,
        ):
            control.on_end.append(lambda session: ended.set())
            clients, answers = zip(*[await ask() for _ in range(3)], strict=True)
            assert [one.code for one in answers] == ["ENOSYS", "ENOSYS", "EAGAIN"]
            assert "2 connections of bob" in answers[2].message
            await clients[2].lost.wait()
            clients[0].close()
            await ended.wait()
            more, answer = await ask()
            assert answer.code == "ENOSYS"
            stranger, answer = await ask()
            assert answer.code == "EPERM" and "mallory" in answer.message
            owners = [await ask() for _ in range(3)]
            assert {answer.code for _, answer in owners} == {"ENOSYS"}
            for one in (*clients, more, stranger, *(client for client, _ in owners)):
                one.close()
                await one.lost.wait()

    asyncio.run(scene())


# The journal.


def calling(name: str, **fields: Any) -> Call:
    described: dict[str, Description] = {
        one.name: one for interface in (Process, Tool) for one in describe(interface)
    }
    process = ProcessTable().create(principal="ada", program="x")
    origin = fields.pop("origin", process)
    return Call(41, described[name], origin, 9, process, 0.0, 9.0, b"\x80", **fields)


def test_whoever_fills_the_disk_can_be_stopped_and_nobody_new_started(tmp_path: Path) -> None:
    async def scene() -> None:
        recorder = JournalRecorder(JournalWriter(tmp_path / "missing"))
        for name in ("tool.call", "process.spawn"):
            with pytest.raises(InputOutputError, match="journal"):
                recorder.intend(calling(name))
        for name in ("stop", "signal", "renice", "remove"):
            recorder.intend(calling(f"process.{name}"))

    asyncio.run(scene())


def test_record_tells_own_calls_from_those_made_on_behalf(tmp_path: Path) -> None:
    async def scene() -> None:
        recorder = JournalRecorder(JournalWriter(tmp_path), now=lambda: 5.0)
        own = calling("tool.call", seq=3, trace="00-ab-cd-01")
        driver = ProcessTable(lambda: 77).create(principal="ada", program="driver")
        nested = calling("tool.call", origin=driver, trace=["no", "text"])
        for call in (own, nested):
            recorder.intend(call)
            recorder.ended(call, "ok", b"\xc0")
        recorder.flush()

    asyncio.run(scene())
    intent, outcome, before, after = read(tmp_path)
    assert (intent.kind, intent.synced) == (RecordKind.INTENT, True)
    assert (outcome.kind, outcome.synced) == (RecordKind.CALL, False)
    for one in (intent, outcome):
        assert (one.seq, one.origin, one.number, one.trace) == (3, 0, 41, "00-ab-cd-01")
    for one in (before, after):
        assert (one.pid, one.seq, one.origin, one.number, one.trace) == (1, 0, 77, 41, "")


def test_start_holds_what_a_process_needs_to_be_run_again(tmp_path: Path) -> None:
    async def scene() -> None:
        recorder = JournalRecorder(JournalWriter(tmp_path))
        held = CapabilitySet.parse(["tool.call:calculator"])
        process = ProcessTable().create(principal="ada", program="sleep 60", capabilities=held)
        process.nice, process.task = 5, "rest"
        order = Order(program="-", arguments=("sleep", "60"), environment={"KEY": "secret"})
        recorder.started(process, order)
        recorder.flush()

    asyncio.run(scene())
    (start,) = read(tmp_path)
    assert start.kind is RecordKind.START and b"secret" not in start.body
    assert unpack(start.body) == {
        "program": "-",
        "arguments": ["sleep", "60"],
        "task": "rest",
        "name": "sleep 60",
        "principal": "ada",
        "parent": None,
        "capabilities": ["tool.call:calculator"],
        "budget": {},
        "nice": 5,
        "timeout": None,
    }
    assert pack(unpack(start.body)) == start.body
