"""What is ordered is started within limits and rights, or refused with nothing left of it."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.config import ProfilesConfig, SandboxConfig
from llmagentos.kernel.process import Kind, State
from llmagentos.syscalls.errors import (
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    SandboxError,
    TryAgain,
)

from .conftest import OFFSET
from .world import Play, World, stage


@pytest.fixture
def scene(tmp_path: Path) -> Play:
    return stage(tmp_path)


def test_worker_of_a_driver_has_a_folder_apart_from_the_users_agents_and_the_drivers_rights(
    scene: Play,
) -> None:
    async def work(w: World) -> None:
        held = CapabilitySet.parse(["ipc.send", "ipc.recv"])
        driver = w.table.create(
            principal="ada", program="x", name="eyes", kind=Kind.DRIVER, capabilities=held
        )
        worker = await w.run(driver, name="reader", capabilities=CapabilitySet.parse(["ipc.send"]))
        assert worker.worker and worker.parent == driver.pid
        assert worker.home == w.paths.homes / "ada" / "eyes+" / "reader"
        with pytest.raises(PermissionDenied):
            await w.run(driver, capabilities=CapabilitySet.parse(["memory.get"]))
        assert not (await w.run()).worker

    scene(work)


def test_person_is_asked_for_durable_processes_alone(scene: Play) -> None:
    async def work(w: World) -> None:
        with pytest.raises(InvalidArgument, match="durable"):
            await w.run(in_doubt="ask")
        process = await w.run(in_doubt="ask", durable=True)
        assert process.durable is not None and process.durable.asks
        other = await w.run(in_doubt="error", durable=True)
        assert other.durable is not None and not other.durable.asks

    scene(work)


def test_child_of_a_tainted_process_is_born_tainted(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(capabilities=CapabilitySet.parse(["*"]))
        w.agents._trap.taint.mark(parent, "a page")
        child = await w.run(parent)
        assert child.taints == (f"a page via process {parent.pid}",)

    scene(work)


def test_agent_starts_with_what_it_was_ordered_with(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run(
            task="count", arguments=("a", "b"), nice=3, environment={"COLOUR": "blue"}
        )
        (launch,) = w.launcher.launches
        assert (launch.pid, launch.entry, launch.argv) == (process.pid, "runtime:py", None)
        assert launch.arguments == {
            "program": str(w.program),
            "task": "count",
            "arguments": ["a", "b"],
        }
        assert launch.environment == {"COLOUR": "blue"} and launch.sandbox.files == 9
        assert launch.readable == (w.program.parent,)
        assert launch.home == process.home == w.paths.home("ada", "clerk")
        assert launch.log == process.log == w.paths.log(process.pid)
        assert launch.log.stat().st_mode & 0o777 == 0o600
        assert launch.home.stat().st_mode & 0o777 == 0o700
        assert (process.name, process.nice, process.task) == ("clerk", 3, "count")
        assert (process.os_pid, process.principal) == (OFFSET + process.pid, "ada")
        assert process.sandbox == {"rlimits": "enforced"} and process.parent == w.person.pid
        assert process.state is State.RUNNING and w.born == [process.pid]
        assert w.events.last(1)[0].kind == "process.started"

    scene(work, sandbox=ProfilesConfig(agent=SandboxConfig(files=9)))


@pytest.mark.parametrize(
    ("order", "name", "entry"),
    [
        ({"program": "-", "arguments": ("/bin/sleep", "60")}, "sleep", ""),
        ({"program": "-", "arguments": ("a b&c",)}, "a_b_c", ""),
        ({"program": "package.clerks:main"}, "clerks", "runtime:py"),
        ({"name": "Other.name-1"}, "Other.name-1", "runtime:py"),
    ],
)
def test_agent_is_named_after_its_program_or_as_it_is_told(
    scene: Play, order: dict[str, Any], name: str, entry: str
) -> None:
    async def work(w: World) -> None:
        process = await w.run(**order)
        (launch,) = w.launcher.launches
        assert (process.name, launch.entry) == (name, entry)
        assert launch.argv == (order["arguments"] if entry == "" else None)

    scene(work)


def test_command_is_told_where_its_model_is_and_reads_what_it_needs(scene: Play) -> None:
    async def work(w: World) -> None:
        script = w.program
        process = await w.run(
            program="-", arguments=("/usr/bin/env", str(script)), environment={"OPENAI_MODEL": "m"}
        )
        agent = await w.run()
        launch, plain = w.launcher.launches
        assert launch.environment["OPENAI_MODEL"] == "m"
        key = launch.environment["OPENAI_API_KEY"]
        assert w.agents.keys.holder(key) is process
        assert launch.endpoint is not None and launch.endpoint.parent.name == "gateway"
        assert {script, script.parent, Path("/usr/lib")} <= set(launch.readable)
        assert (plain.endpoint, plain.environment) == (None, {})
        w.launcher.end(process.pid)
        w.launcher.end(agent.pid)
        assert w.agents.keys.holder(key) is None

    scene(work)


@pytest.mark.parametrize("name", ["_private.py", ".hidden.py", "größe.py", "ключ.py"])
def test_program_of_any_name_can_be_run(scene: Play, name: str) -> None:
    async def work(w: World) -> None:
        program = w.program.with_name(name)
        program.touch()
        await w.run(program=str(program))

    scene(work)


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        ({"program": "-"}, InvalidArgument, "command line is empty"),
        ({"program": "clerk.py"}, InvalidArgument, "absolute"),
        ({"program": "/nowhere/clerk.py"}, NotFound, "/nowhere/clerk.py"),
        ({"program": "/etc/passwd"}, InvalidArgument, "py, toml"),
        ({"program": "/tmp"}, NotFound, "/tmp"),
        ({"name": "../up"}, InvalidArgument, "name"),
        ({"name": ".."}, InvalidArgument, "name"),
        ({"name": "x" * 65}, InvalidArgument, "name"),
        ({"nice": 20}, InvalidArgument, "nice"),
        ({"nice": -21}, InvalidArgument, "nice"),
        ({"timeout": 0}, InvalidArgument, "timeout"),
        ({"budget": {"gold": 1}}, InvalidArgument, "gold"),
        ({"budget": {"tokens": -1}}, InvalidArgument, "tokens"),
        ({"drop": ("system.stop",)}, InvalidArgument, "system.stop"),
        ({"timeout": math.nan}, InvalidArgument, "timeout"),
    ],
)
def test_bad_order_is_refused_and_nothing_is_left_of_it(
    scene: Play, order: dict[str, Any], error: type[LLMAgentOSError], words: str
) -> None:
    async def work(w: World) -> None:
        with pytest.raises(error, match=words):
            await w.run(**order)
        assert w.launcher.launches == [] and list(w.table) == [w.person]

    scene(work)


@pytest.mark.parametrize(
    "failure",
    [
        SandboxError("landlock"),
        DeviceError("the zygote has died"),
        OSError(24, "too many open files"),
        asyncio.CancelledError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_process_that_cannot_be_launched_leaves_nothing_behind(
    scene: Play, failure: BaseException
) -> None:
    async def work(w: World) -> None:
        w.person.budget.child()
        w.launcher.failures = [failure]
        with pytest.raises(type(failure)):
            await w.run(budget={"processes": 1})
        assert list(w.table) == [w.person] and w.born == w.ended and w.events.last(9) == []
        assert not list(w.paths.logs.iterdir())
        await w.run()

    scene(work, limit=1)


def test_no_more_live_at_once_than_the_limit(scene: Play) -> None:
    async def work(w: World) -> None:
        first, _ = await w.run(), await w.run()
        with pytest.raises(TryAgain, match="limit is 2") as refusal:
            await w.run()
        assert refusal.value.details["retry_after"] > 0
        w.launcher.end(first.pid)
        await w.run()

    scene(work, limit=2)


def test_budget_of_processes_counts_the_whole_family(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(budget={"processes": 3})
        child = await w.run(parent)
        await w.run(child)
        for one in (parent, child):
            with pytest.raises(QuotaExceeded, match="processes"):
                await w.run(one)
        assert len(w.table) == 4
        w.launcher.end(child.pid)
        await w.run(parent)

    scene(work)


def test_order_wins_over_the_agents_file_and_that_over_the_configuration(scene: Play) -> None:
    async def work(w: World) -> None:
        file = w.program.with_name("agent.toml")
        file.write_text(
            "name = 'clerk-of-file'\ncapabilities = ['memory.get']\n"
            "[budget]\ntokens = 5\nmoney = 5\n"
        )
        plain = await w.run(program=str(file))
        assert plain.name == "clerk-of-file" and w.launcher.launches[0].entry == "runtime:toml"
        assert plain.budget.limits() == {"tokens": 5, "money": 5, "device_seconds": 1}
        assert [str(one) for one in plain.capabilities] == ["memory.get"]
        other = await w.run(
            program=str(file),
            name="other",
            budget={"tokens": 9},
            capabilities=CapabilitySet.parse(["clock.*"]),
        )
        assert other.name == "other" and other.budget.limits()["tokens"] == 9
        assert [str(one) for one in other.capabilities] == ["clock.*"]
        file.write_text("runtime = 'py'")
        await w.run(program=str(file))
        assert w.launcher.launches[-1].entry == "runtime:py"
        for text, wrong in (
            ("name = 7", r"agent\.toml: name"),
            ("runtime = 'go'", "'go'.*py, toml"),
        ):
            file.write_text(text)
            with pytest.raises(InvalidArgument, match=wrong):
                await w.run(program=str(file))

    scene(work, budget={"tokens": 1.0, "device_seconds": 1.0})


def test_agent_of_a_person_gets_the_usual_rights_and_the_plugins(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        assert [str(one) for one in process.capabilities] == ["memory.*", "process.*", "weather.*"]
        less = await w.run(drop=("memory.*",))
        assert [str(one) for one in less.capabilities] == ["process.*", "weather.*"]

    scene(work)


def test_usual_rights_that_a_session_does_not_hold_are_left_out(scene: Play) -> None:
    async def work(w: World) -> None:
        token = w.table.create(
            principal="ada",
            program="token",
            capabilities=CapabilitySet.parse(["memory.*", "process.spawn"]),
            kind=Kind.SESSION,
        )
        process = await w.run(token)
        assert [str(one) for one in process.capabilities] == ["memory.*"]
        with pytest.raises(PermissionDenied):
            await w.run(token, capabilities=CapabilitySet.parse(["process.*"]))

    scene(work)


def test_child_of_an_agent_holds_what_its_parent_holds_or_less(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(capabilities=CapabilitySet.parse(["memory.get", "process.*"]))
        child = await w.run(parent)
        assert [str(one) for one in child.capabilities] == ["memory.get", "process.*"]
        assert (child.parent, child.principal) == (parent.pid, "ada")
        with pytest.raises(PermissionDenied, match=r"memory\.\*"):
            await w.run(child, capabilities=CapabilitySet.parse(["memory.*"]))
        none = await w.run(child, capabilities=CapabilitySet())
        assert list(none.capabilities) == []

    scene(work)


def test_child_spends_from_its_parent(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(budget={"tokens": 10})
        child = await w.run(parent, budget={"tokens": 1000})
        child.budget.spend({"tokens": 8})
        assert parent.budget.remaining("tokens") == child.budget.remaining("tokens") == 2

    scene(work)


def test_agent_cannot_start_a_child_of_a_better_rank_than_its_own(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(nice=0)
        with pytest.raises(PermissionDenied):
            await w.run(parent, nice=-5)

    scene(work)


def test_runtimes_office_is_a_persons_to_give_and_no_childs_to_inherit(
    scene: Play, tmp_path: Path
) -> None:
    file = tmp_path / "job.toml"
    file.write_text('runtime = "toml"\n')

    async def work(w: World) -> None:
        job = await w.run(program=str(file))
        assert job.capabilities.free("learning.judge")
        assert not (await w.run()).capabilities.free("learning.judge")
        child = await w.run(job, program=str(file), name="child")
        assert child.capabilities.free("memory.put")
        assert not child.capabilities.free("learning.judge")
        agent = await w.run()
        assert not (await w.run(agent, program=str(file))).capabilities.free("learning.judge")
        with pytest.raises(PermissionDenied, match=r"learning\.judge"):
            asked = CapabilitySet.parse(["learning.judge"])
            await w.run(agent, program=str(file), capabilities=asked)
        narrow = w.table.create(
            principal="ada", program="x", kind=Kind.SESSION,
            capabilities=CapabilitySet.parse(["memory.*", "process.*"]),
        )  # fmt: skip
        assert not (await w.run(narrow, program=str(file))).capabilities.free("learning.judge")

    scene(work, runtimes={"toml": ["learning.judge"]})


def test_agent_starts_no_program_but_where_it_may_read(scene: Play, tmp_path: Path) -> None:
    """What is started may read the folder that its program lies in, so a child's files are a part
    of its parent's."""

    async def work(w: World) -> None:
        mine, others = tmp_path / "mine", tmp_path / "others"
        for folder in (mine, others):
            folder.mkdir()
            (folder / "agent.py").touch()
        (mine / "way").symlink_to(others)
        (mine / "link.py").symlink_to(others / "agent.py")
        parent = await w.run(
            program=str(mine / "agent.py"), capabilities=CapabilitySet.parse(["*"])
        )
        assert parent.home is not None
        written = parent.home / "written.py"
        written.touch()
        for program in (mine / "agent.py", written):
            child = await w.run(parent, program=str(program))
            assert child.readable == (program.parent,)
        for program in (others / "agent.py", mine / "way/agent.py", mine / "link.py",
                        mine / "../others/agent.py", others / "missing.py"):  # fmt: skip
            with pytest.raises(PermissionDenied):
                await w.run(parent, program=str(program))
        # A person may.
        assert (await w.run(program=str(mine / "way/agent.py"))).readable == (others,)

    scene(work)


@pytest.mark.parametrize(
    "order",
    [
        {"environment": {"": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"A\0": "x"}},
        {"environment": {"A": "x\0y"}},
        {"program": "-", "arguments": ("/bin/echo", "x\0y")},
    ],
    ids=str,
)
def test_what_no_program_can_be_started_with_is_refused_before_one_is(
    scene: Play, order: dict[str, Any]
) -> None:
    async def work(w: World) -> None:
        with pytest.raises(InvalidArgument):
            await w.run(**order)
        assert not w.launcher.launches

    scene(work)
