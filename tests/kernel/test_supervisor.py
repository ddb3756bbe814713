"""Services are started again and again, later and later, and given up only then."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.config import PluginConfig
from llmagentos.kernel.events import EventLog
from llmagentos.kernel.launcher.contract import Launch
from llmagentos.kernel.paths import Paths
from llmagentos.kernel.plugins import Plugin
from llmagentos.kernel.process import Kind, ProcessTable
from llmagentos.kernel.restarts import FIRST_DELAY, INTENSITY, LONGEST_DELAY, PERIOD
from llmagentos.kernel.supervisor import BEAT, GRACE, SILENCES, Service, Supervisor
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.errors import DeviceError, SandboxError

from .conftest import FakeLauncher, play, settle


@dataclass(kw_only=True)
class World:
    table: ProcessTable
    launcher: FakeLauncher
    events: EventLog
    paths: Paths
    supervisor: Supervisor

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events.last(100)]

    def pid(self, service: Service) -> int:
        assert service.process is not None
        return service.process.pid

    async def up(self, service: Service) -> int:
        """Let a service start and say that it is up; return its pid."""
        await settle()
        assert service.process is not None
        self.supervisor.ready(service.process, None)
        return service.process.pid

    def end(self, service: Service, code: int = 1) -> None:
        self.launcher.end(self.pid(service), code)


@asynccontextmanager
async def world(
    folder: Path, *names: str, config: PluginConfig | None = None, beat: float = 1e9
) -> AsyncIterator[World]:
    """The supervisor of drivers of these names, on a real bus; it is entered by the test.

    Nothing answers here, so that they are asked for an answer only where the test wants it.
    """
    loop = asyncio.get_running_loop()
    table, launcher, events = ProcessTable(), FakeLauncher(), EventLog(now=loop.time)
    paths = Paths(state=folder / "state", runtime=folder / "run")
    paths.make()

    def ended(pid: int, code: int, number: int) -> None:
        verdict = table[pid].verdict
        table.exit(table[pid], code, verdict[1] if verdict else f"ended with code {code}")

    launcher.on_exit = ended
    bus = Bus(Trap(loop.time))  # It is not entered: nobody looks at deadlines.
    try:
        supervisor = Supervisor(
            table=table,
            bus=bus,
            launcher=launcher,
            events=events,
            paths=paths,
            principal="ada",
            capabilities=lambda plugin, kind: CapabilitySet.parse([f"{plugin.name}.*"]),
            clock=loop.time,
            beat=beat,
        )
        for name in names:
            plugin = Plugin(name=name, entry=f"module:{name}", source="test")
            supervisor.add(plugin, Kind.DRIVER, config or PluginConfig())
        yield World(
            table=table, launcher=launcher, events=events, paths=paths, supervisor=supervisor
        )
    finally:
        await launcher.close()
        await bus.__aexit__(None, None, None)
        await settle()


def obey(world: World) -> None:
    """Let processes end when they are told to."""
    loop = asyncio.get_running_loop()
    world.launcher.on_signal = lambda pid, number: loop.call_soon(world.launcher.end, pid)


def test_service_runs_as_a_process_with_its_rights_and_settings(tmp_path: Path) -> None:
    config = PluginConfig(settings={"colour": "blue"})

    async def scene() -> None:
        async with world(tmp_path, "memory", config=config) as w, w.supervisor:
            obey(w)
            (service,) = w.supervisor.services
            pid = await w.up(service)
            process, (launch,) = w.table[pid], w.launcher.launches
            assert (process.kind, process.name, process.principal) == (Kind.DRIVER, "memory", "ada")
            assert [str(one) for one in process.capabilities] == ["memory.*"]
            assert process.os_pid is not None and process.sandbox == {"rlimits": "enforced"}
            folder = w.paths.of_plugin("driver", "memory")
            assert (launch.home, launch.log) == (folder, folder / "log") and folder.is_dir()
            assert launch.arguments["config"] == {"colour": "blue"}
            assert launch.arguments["entry"] == "module:memory"

    play(scene)


def test_owner_may_give_a_service_other_rights(tmp_path: Path) -> None:
    async def scene() -> None:
        config = PluginConfig(capabilities=["clock.now"])
        async with world(tmp_path, "memory", config=config) as w, w.supervisor:
            obey(w)
            pid = await w.up(w.supervisor.services[0])
            assert [str(one) for one in w.table[pid].capabilities] == ["clock.now"]

    play(scene)


def test_service_is_ready_once_it_says_so_and_no_sooner(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory", "gateway") as w, w.supervisor:
            obey(w)
            memory, gateway = w.supervisor.services
            await settle()
            assert (memory.state, w.supervisor.all_ready) == ("starting", False)
            await w.up(memory)
            assert memory.process is not None and gateway.process is not None
            assert not w.supervisor.all_ready
            w.supervisor.ready(gateway.process, "http://127.0.0.1:1")
            w.supervisor.ready(gateway.process, None)
            assert w.supervisor.all_ready and gateway.url == "http://127.0.0.1:1"
            assert w.kinds() == ["service.ready"] * 2
            stranger = w.table.create(principal="ada", program="stranger")
            w.supervisor.ready(stranger, "http://evil")
            assert w.supervisor.of(stranger) is None and w.supervisor.of(memory.process) is memory
            info = memory.info()
            assert (info.name, info.state, info.pid) == ("memory", "ready", w.pid(memory))

    play(scene)


def test_newcomers_are_waited_for_until_they_are_up_have_failed_or_take_too_long(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with world(tmp_path, "good", "bad", "slow") as w, w.supervisor:
            obey(w)
            clock = asyncio.get_running_loop().time
            good, bad, _ = w.supervisor.services
            waiting = asyncio.create_task(w.supervisor.tried({"driver/good", "driver/bad"}, 5.0))
            await w.up(good)
            assert not waiting.done()
            w.end(bad)
            begun = clock()
            await waiting
            assert clock() == begun
            await w.supervisor.tried({"driver/slow"}, 5.0)
            assert clock() == begun + 5

    play(scene)


@pytest.mark.parametrize("patience", [PluginConfig().patience, 600.0])
def test_service_is_killed_that_is_not_up_when_its_patience_ends(
    tmp_path: Path, patience: float
) -> None:
    async def scene() -> None:
        async with world(tmp_path, "large", config=PluginConfig(patience=patience)) as w:
            obey(w)
            async with w.supervisor:
                (service,) = w.supervisor.services
                await settle()
                first = w.pid(service)
                await asyncio.sleep(patience - 1)
                assert w.pid(service) == first
                await asyncio.sleep(2)
                await settle()
                assert w.pid(service) != first and service.reason is not None
                assert service.reason == f"was not up after {patience:g} s (its patience)"

    play(scene)


@pytest.mark.parametrize(
    ("before", "wrote", "reason"),
    [
        ("", "", "ended with code 1"),
        ("of an earlier one\n", "", "ended with code 1"),
        ("old\n", "first\nmodule:memory: EINVAL: no key\n\n", "ended with code 1: EINVAL: no key"),
        ("", "\x1b[2Jred", "ended with code 1: [2Jred"),
        ("x" * 9000, "long" * 3000, "ended with code 1: " + "long" * 75 + "…"),
    ],
)  # fmt: skip
def test_service_that_ends_by_itself_is_told_of_with_the_last_line_that_it_wrote(
    tmp_path: Path, before: str, wrote: str, reason: str
) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w:
            log = w.paths.of_plugin("driver", "memory") / "log"
            log.parent.mkdir(parents=True)
            log.write_text(before)
            async with w.supervisor:
                (service,) = w.supervisor.services
                await w.up(service)
                with log.open("a") as file:
                    file.write(wrote)
                w.end(service)
                await settle()
                assert service.reason == reason
                obey(w)

    play(scene)


def test_first_restart_comes_at_once_and_later_ones_wait_twice_as_long_up_to_a_cap(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w:

            async def crash(launch: Launch) -> None:
                loop = asyncio.get_running_loop()
                loop.call_later(0, w.launcher.end, launch.pid, 3)

            w.launcher.on_launch = crash
            async with w.supervisor:
                (service,) = w.supervisor.services
                await asyncio.sleep(3600)
                assert service.state == "failed"
            times = w.launcher.times
            delays = [late - early for early, late in pairwise(times)]
            doubled = [min(FIRST_DELAY * 2**n, LONGEST_DELAY) for n in range(INTENSITY - 2)]
            assert delays == pytest.approx([0.0, *doubled])
            assert service.restarts == len(delays) == INTENSITY - 1
            assert (service.reason, service.process) == ("ended with code 3", None)
            assert w.kinds() == ["service.restarted"] * (INTENSITY - 1) + ["service.failed"]
            last = w.events.last(1)[0].text
            assert "memory is given up: ended with code 3" in last
            assert str(w.paths.of_plugin("driver", "memory") / "log") in last
            assert len(w.table) == 0

    play(scene)


def test_service_that_is_given_up_stays_so_and_hurts_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "bad", "good") as w:

            async def crash(launch: Launch) -> None:
                if launch.arguments["entry"] == "module:bad":
                    asyncio.get_running_loop().call_later(0, w.launcher.end, launch.pid)

            w.launcher.on_launch = crash
            async with w.supervisor:
                obey(w)
                bad, good = w.supervisor.services
                pid = await w.up(good)
                await asyncio.sleep(3600)
                assert (bad.state, good.state, good.restarts) == ("failed", "ready", 0)
                assert w.pid(good) == pid and not w.supervisor.all_ready
                assert len(w.launcher.launches) == INTENSITY + 1

    play(scene)


def test_service_that_has_run_for_long_is_forgiven(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w, w.supervisor:
            obey(w)
            (service,) = w.supervisor.services
            for _ in range(2 * INTENSITY):
                await w.up(service)
                await asyncio.sleep(PERIOD + 1)
                before = asyncio.get_running_loop().time()
                w.end(service)
                await settle()
                assert w.launcher.times[-1] == before
            assert service.restarts == 2 * INTENSITY

    play(scene)


def test_start_that_raises_whatever_it_be_is_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w:
            w.launcher.failures = [
                DeviceError("the zygote has died"),
                SandboxError("no landlock"),
                OSError(24, "too many open files"),
                TypeError(),
                None,
            ]
            async with w.supervisor:
                obey(w)
                (service,) = w.supervisor.services
                await asyncio.sleep(10)
                await w.up(service)
                assert (service.state, service.restarts, service.reason) == (
                    "ready",
                    4,
                    "TypeError",
                )
                texts = [event.text for event in w.events.last(10)]
                for words, text in zip(
                    ("zygote", "landlock", "files", "Type"), texts, strict=False
                ):
                    assert words in text
                assert [one.pid for one in w.table] == [w.pid(service)]

    play(scene)


def test_start_without_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w:
            (w.paths.state / "driver").write_text("in the way")
            async with w.supervisor:
                (service,) = w.supervisor.services
                await asyncio.sleep(3)
                assert service.restarts > 2 and service.reason is not None
                assert len(w.table) == 0

    play(scene)


def test_bad_rights_in_the_configuration_give_a_service_up_by_name(tmp_path: Path) -> None:
    async def scene() -> None:
        config = PluginConfig(capabilities=["Memory!"])
        async with world(tmp_path, "memory", config=config) as w, w.supervisor:
            await asyncio.sleep(3600)
            (service,) = w.supervisor.services
            assert service.state == "failed" and "Memory!" in (service.reason or "")
            assert w.launcher.launches == []

    play(scene)


def test_service_that_does_not_come_up_is_killed_and_starts_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w, w.supervisor:
            obey(w)
            (service,) = w.supervisor.services
            await asyncio.sleep(59)
            first = w.pid(service)
            assert w.launcher.signals == []
            await asyncio.sleep(2)
            assert w.launcher.signals == [(first, signal.SIGKILL)]
            assert w.pid(service) != first and "60 s" in (service.reason or "")
            await w.up(service)
            await asyncio.sleep(3600)
            assert len(w.launcher.signals) == 1

    play(scene)


def test_services_are_asked_to_end_in_reverse_order(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory", "tools", "gateway") as w:
            obey(w)
            async with w.supervisor:
                pids = [await w.up(service) for service in w.supervisor.services]
                await asyncio.sleep(100)
            assert w.launcher.signals == [(pid, signal.SIGTERM) for pid in reversed(pids)]
            assert asyncio.get_running_loop().time() == pytest.approx(100)
            assert len(w.launcher.launches) == 3  # Nothing starts any more.

    play(scene)


def test_service_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory", "tools") as w:
            loop = asyncio.get_running_loop()
            async with w.supervisor:
                memory, tools = [await w.up(service) for service in w.supervisor.services]
                w.launcher.on_signal = lambda pid, number: (
                    loop.call_soon(w.launcher.end, pid) if pid == memory else None
                )
            assert w.launcher.signals == [
                (tools, signal.SIGTERM),
                (memory, signal.SIGTERM),
                (tools, signal.SIGKILL),
            ]
            assert loop.time() == pytest.approx(GRACE)

    play(scene)


def test_stopping_ends_what_waits_to_start_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "memory") as w:
            async with w.supervisor:
                (service,) = w.supervisor.services
                for _ in range(2):
                    await w.up(service)
                    w.end(service)
                await settle()
                assert (service.state, service.process) == ("waiting", None)
            assert w.launcher.signals == [] and len(w.launcher.launches) == 2
            assert asyncio.get_running_loop().time() < FIRST_DELAY

    play(scene)


def test_service_that_falls_silent_is_killed_and_started_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path, "deaf", beat=BEAT) as house:
            obey(house)
            async with house.supervisor:
                (service,) = house.supervisor.services
                first = await house.up(service)
                assert service.process is not None
                await service.process.exited.wait()
                await settle()
                assert house.launcher.signals == [(first, signal.SIGKILL)]
                assert service.reason == f"did not answer for {SILENCES * BEAT:g} s"
                assert asyncio.get_running_loop().time() == (SILENCES + 1) * BEAT

    play(scene)
