"""Agents of a real daemon: born or refused, held together with what they start, and ended."""

from __future__ import annotations

import asyncio
import os as machine
import resource
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.errors import (
    AlreadyExists,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    TryAgain,
)
from llmagentos.syscalls.os import OS

from .conftest import Daemon, write


def ended(*pidfds: int) -> bool:
    """Wait for programs to end; False where one has not within a minute."""
    over = all(select.select([one], [], [], 60)[0] for one in pidfds)
    for one in pidfds:
        machine.close(one)
    return over


def state_of(os_pid: int) -> str:
    return Path(f"/proc/{os_pid}/stat").read_text().rpartition(")")[2].split()[0]


def children_of(os_pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{os_pid}/task/{os_pid}/children").read_text().split()))


def parent_of(os_pid: int) -> int:
    return int(Path(f"/proc/{os_pid}/stat").read_text().rpartition(")")[2].split()[1])


async def said(os: OS, pid: int) -> list[str]:
    return [line.text async for line in os.process.logs(pid)]


async def first(os: OS, pid: int, count: int = 1) -> list[str]:
    """Return the first lines that a process writes, as soon as it has written them."""
    lines: list[str] = []
    async for line in os.process.logs(pid, follow=True):
        lines.append(line.text)
        if len(lines) == count:
            break
    return lines


async def os_pid_of(os: OS, pid: int) -> int:
    number = (await os.process.inspect(pid)).os_pid
    assert number is not None
    return number


@asynccontextmanager
async def sleeper(os: OS) -> AsyncIterator[int]:
    """An agent that lives until it is stopped."""
    pid = await os.process.spawn("-", arguments=["sleep", "1000"])
    try:
        yield pid
    finally:
        await os.process.stop(pid)


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[Daemon]:
    """One that the test may end."""
    made = Daemon(tmp_path / "s")
    yield made
    if made.process.poll() is None:
        made.close()


# Birth.


def test_task_of_any_size_is_carried_or_refused_and_hurts_nobody(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(tmp_path, "length.py", "def main(os, task):\n    print(len(task))\n")

    async def work(os: OS) -> None:
        async with sleeper(os) as neighbour:
            pid = await os.process.spawn(program, task="x" * 300_000)
            assert (await os.process.wait(pid)).code == 0
            assert await said(os, pid) == ["300000"]
            for size in (400_000, 5_000_000):
                with pytest.raises(InvalidArgument, match="fit"):
                    await os.process.spawn(program, task="x" * size)
            assert (await os.process.inspect(neighbour)).state == "running"
        services = (await os.system.status()).services
        assert [one.restarts for one in services] == [0] * len(services)

    daemon.run(work)


def test_burst_of_spawns_comes_up_whole(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        orders = (os.process.spawn("-", arguments=["true"]) for _ in range(300))
        pids = await asyncio.gather(*orders)
        ends = await asyncio.gather(*map(os.process.wait, pids))
        assert {one.code for one in ends} == {0} and len(set(pids)) == 300

    daemon.run(work)


def test_spawn_that_is_given_up_leaves_no_process(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        async with sleeper(os) as known:
            os_pid = await os_pid_of(os, known)
            zygote, before = parent_of(os_pid), len(await os.process.ls())
            machine.kill(zygote, signal.SIGSTOP)
            try:
                with pytest.raises(DeadlineExceeded):
                    order = {"program": "-", "arguments": ["sleep", "1000"]}
                    await os.call("process.spawn", order, deadline=0.1)
            finally:
                machine.kill(zygote, signal.SIGCONT)
            assert len(await os.process.ls()) == before
            async with sleeper(os) as other:
                expected = {os_pid, await os_pid_of(os, other)}
                while children_of(zygote) != expected:
                    await os.clock.now()

    daemon.run(work)


def test_death_of_the_agents_zygote_is_survived_by_all_others(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        await os.memory.put("before", 1)
        pid = await os.process.spawn("-", arguments=["sleep", "1000"])
        machine.kill(parent_of(await os_pid_of(os, pid)), signal.SIGKILL)
        assert (await os.process.wait(pid)).code == 128 + signal.SIGKILL
        again = await os.process.spawn("-", arguments=["true"])
        assert (await os.process.wait(again)).code == 0
        assert (await os.memory.get("before")).value == 1
        memory = next(one for one in (await os.system.status()).services if one.name == "memory")
        assert memory.restarts == 0

    daemon.run(work)


def test_agent_gives_no_better_rank_than_its_own(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "ranks.py",
        "async def main(os, task):\n"
        "    for wanted in (dict(nice=-20), dict(nice=4), dict(), dict(nice=9)):\n"
        "        try:\n"
        "            pid = await os.process.spawn('-', arguments=['true'], **wanted)\n"
        "            print((await os.process.inspect(pid)).nice)\n"
        "        except Exception as error:\n"
        "            print(error.code)\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, nice=5)
        await os.process.wait(pid)
        assert await said(os, pid) == ["EPERM", "EPERM", "5", "9"]

    daemon.run(work)


# What an agent has, and nobody else.


def test_child_of_an_agent_never_has_anothers_home(daemon: Daemon, tmp_path: Path) -> None:
    bank = write(
        tmp_path,
        "bank.py",
        "from pathlib import Path\ndef main():\n    Path('secret').write_text('42')\n",
    )
    thief = write(
        tmp_path,
        "thief.py",
        "async def main(os, task):\n"
        "    for name in ('bank', 'thief'):\n"
        "        pid = await os.process.spawn('-', arguments=['sh', '-c', 'pwd; ls'], name=name)\n"
        "        await os.process.wait(pid)\n"
        "        print([line.text async for line in os.process.logs(pid)])\n",
    )

    async def work(os: OS) -> None:
        await os.process.wait(await os.process.spawn(bank))
        pid = await os.process.spawn(thief)
        await os.process.wait(pid)
        home = (await os.process.inspect(pid)).home
        assert await said(os, pid) == [f"['{home}+/bank']", f"['{home}+/thief']"]
        mine = await os.process.spawn("-", arguments=["cat", "secret"], name="bank")
        await os.process.wait(mine)
        assert await said(os, mine) == ["42"]

    daemon.run(work)


def test_agent_reads_the_output_and_calls_of_its_descendants_alone(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "reader.py",
        "async def main(os, task):\n"
        "    mine = await os.process.spawn('-', arguments=['echo', 'mine'], traced=True)\n"
        "    await os.process.wait(mine)\n"
        "    for pid in (int(task), mine):\n"
        "        for read in (os.process.logs, os.process.trace):\n"
        "            try:\n"
        "                print([one.text async for one in read(pid)])\n"
        "            except Exception as error:\n"
        "                print(error.code)\n",
    )

    async def work(os: OS) -> None:
        other = await os.process.spawn("-", arguments=["echo", "secret"], traced=True)
        await os.process.wait(other)
        pid = await os.process.spawn(program, task=str(other))
        await os.process.wait(pid)
        assert await said(os, pid) == ["EPERM", "EPERM", "['mine']", "[]"]

    daemon.run(work)


def test_trace_has_one_reader_at_a_time(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "traced.py",
        "async def main(os):\n    await os.clock.now()\n    await os.ipc.recv()\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, traced=True)
        mine = aiter(os.process.trace(pid))
        assert (await anext(mine)).syscall == "clock.now"
        with pytest.raises(TryAgain):
            await anext(aiter(os.process.trace(pid)))
        await os.ipc.send(pid, "go on")
        assert [one.syscall async for one in mine] == ["ipc.recv"]

    daemon.run(work)


def test_trace_of_who_was_started_without_one_begins_when_it_is_asked_for(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "late.py",
        "async def main(os):\n    while (await os.ipc.recv()).body != 'stop': pass\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program)
        first = asyncio.create_task(anext(aiter(os.process.trace(pid))))

        async def tell(word: str) -> None:
            while True:
                with suppress(TryAgain):  # The mailbox of a slow reader is full.
                    return await os.ipc.send(pid, word)
                await asyncio.sleep(0)

        while not first.done():
            await tell("go on")
        assert (await first).syscall == "ipc.recv"
        await tell("stop")
        await os.process.wait(pid)
        with pytest.raises(NotFound, match="has ended"):
            await anext(aiter(os.process.trace(pid)))

    daemon.run(work)


def test_file_among_a_commands_arguments_is_lent_by_its_owner_alone(
    daemon: Daemon, tmp_path: Path
) -> None:
    file = write(tmp_path, "notes.txt", "forty-two")
    lender = write(
        tmp_path,
        "lender.py",
        "async def main(os, task):\n"
        "    pid = await os.process.spawn('-', arguments=['cat', task])\n"
        "    print((await os.process.wait(pid)).code)\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn("-", arguments=["cat", file])
        assert (await os.process.wait(pid)).code == 0
        assert await said(os, pid) == ["forty-two"]
        pid = await os.process.spawn(lender, task=file)
        await os.process.wait(pid)
        assert await said(os, pid) == ["1"]

    daemon.run(work)


# Steering and ending.

#: Starts a child in its own group and one in a session of its own, and says their numbers.
_FAMILY = """
import subprocess, sys
def main():
    sleep = ["sleep", "1000"]
    children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
    print(*(one.pid for one in children), flush=True)
    children[0].wait()
"""


def test_what_an_agent_has_started_ends_with_it(daemon: Daemon, tmp_path: Path) -> None:
    program = write(tmp_path, "family.py", _FAMILY)

    async def work(os: OS) -> None:
        for end in ("KILL", "TERM"):
            pid = await os.process.spawn(program)
            children = [machine.pidfd_open(int(one)) for one in (await first(os, pid))[0].split()]
            await os.process.signal(pid, end)
            await os.process.wait(pid)
            assert await asyncio.to_thread(ended, *children)

    daemon.run(work)


def test_suspended_agent_stops_with_what_it_has_started(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        script = "sleep 1000 & echo $!; wait"
        pid = await os.process.spawn("-", arguments=["sh", "-c", script])
        child = int((await first(os, pid))[0])
        await os.process.signal(pid, "STOP")
        while state_of(child) != "T":
            await os.clock.now()
        await os.process.signal(pid, "CONT")
        while state_of(child) == "T":
            await os.clock.now()
        await os.process.stop(pid)

    daemon.run(work)


def test_copy_that_an_agent_has_made_of_itself_ends_with_it(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "copy.py",
        "import os as machine, socket\n"
        "def main():\n"
        "    if machine.fork():\n"
        "        machine._exit(0)\n"
        "    machine.setsid()\n"
        "    while True:\n"
        "        pass\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program)
        async with sleeper(os) as known:
            zygote = parent_of(await os_pid_of(os, known))
            await os.process.wait(pid)
            while children_of(zygote) != {await os_pid_of(os, known)}:
                await os.clock.now()

    daemon.run(work)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_end_of_the_daemon_is_the_end_of_everything(
    own_daemon: Daemon, tmp_path: Path, how: signal.Signals
) -> None:
    program = write(tmp_path, "family.py", _FAMILY)

    async def work(os: OS) -> list[int]:
        pid = await os.process.spawn(program)
        return [await os_pid_of(os, pid), *map(int, (await first(os, pid))[0].split())]

    family = [machine.pidfd_open(one) for one in own_daemon.run(work)]
    own_daemon.process.send_signal(how)
    own_daemon.process.wait(timeout=60)
    assert ended(*family)


def test_agent_can_store_a_checkpoint_when_the_daemon_ends(
    own_daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "careful.py",
        "import asyncio, signal\n"
        "async def main(os):\n"
        "    asked = asyncio.Event()\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)\n"
        "    print('waits', flush=True)\n"
        "    await asked.wait()\n"
        "    await os.memory.put('checkpoint', 7)\n",
    )

    async def begin(os: OS) -> None:
        await os.memory.ls()  # The driver is up.
        assert await first(os, await os.process.spawn(program)) == ["waits"]

    async def look(os: OS) -> Any:
        return (await os.memory.get("checkpoint")).value

    own_daemon.run(begin)
    own_daemon.close()
    after = Daemon(own_daemon.state)
    try:
        assert after.run(look) == 7
    finally:
        after.close()


def test_child_ends_with_the_time_of_its_parent(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "parent.py",
        "async def main(os, task):\n"
        "    pid = await os.process.spawn('-', arguments=['sleep', '1000'],\n"
        "                                 budget={'wall_seconds': 1000})\n"
        "    print(pid, flush=True)\n"
        "    await os.ipc.recv()\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, budget={"wall_seconds": 3})
        child = int((await first(os, pid))[0])
        for one in (pid, child):
            assert (await os.process.wait(one)).code == 124

    daemon.run(work)


def test_agent_goes_on_to_reach_the_orphans_among_its_descendants(
    daemon: Daemon, tmp_path: Path
) -> None:
    middle = write(
        tmp_path,
        "middle.py",
        "async def main(os):\n"
        "    print(await os.process.spawn('-', arguments=['sleep', '1000']))\n",
    )
    program = write(
        tmp_path,
        "grandparent.py",
        "async def main(os, task):\n"
        "    pid = await os.process.spawn(task)\n"
        "    await os.process.wait(pid)\n"
        "    orphan = int([line.text async for line in os.process.logs(pid)][0])\n"
        "    print((await os.process.stop(orphan)).code)\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, task=middle)
        await os.process.wait(pid)
        assert await said(os, pid) == ["143"]

    daemon.run(work)


def test_exit_code_outlives_a_process_that_is_to_be_forgotten(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        for code in range(20):
            script = ["sh", "-c", f"exit {code}"]
            pid = await os.process.spawn("-", arguments=script, remove=True)
            assert (await os.process.wait(pid)).code == code
            assert pid not in {one.pid for one in await os.process.ls(all=True)}

    daemon.run(work)


# The daemon itself.


def test_daemon_may_open_as_many_files_as_the_machine_allows(daemon: Daemon) -> None:
    soft, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_two_daemons_do_not_share_a_state_folder(daemon: Daemon, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "llmagentos.kernel.boot", "--state", str(daemon.state),
         "--runtime", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert ran.returncode == 125 and AlreadyExists.code in ran.stderr


def test_daemon_is_configured_by_the_folder_that_it_is_started_from(tmp_path: Path) -> None:
    (tmp_path / "llmagentos.toml").write_text(
        "[agents]\nlimit = 1\n[drivers.inference]\nenabled = false\n"
        "[services.gateway]\nenabled = false\n"
    )
    environment = machine.environ | {"LLMAGENTOS_STATE": str(tmp_path / "s")}

    def aos(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("aos"), *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    try:
        assert aos("start").returncode == 0
        assert aos("run", "-d", "--", "sleep", "1000").returncode == 0
        refused = aos("run", "-d", "--", "sleep", "1000")
        assert refused.returncode != 0 and "the limit is 1" in refused.stderr
    finally:
        aos("stop")
