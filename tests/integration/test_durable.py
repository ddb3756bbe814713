"""A durable agent outlives its own death, its kernel's, and an orderly restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Exit, ProcessInfo

from .conftest import Daemon, write

#: Writes down that it has begun a part, waits until it is told to go on, and is done after three.
WALKER = """
import random

async def main(os, task):
    print("dice", random.random(), await os.clock.random(4))
    for part in range(3):
        await os.memory.write(f"part {part} of {task}")
        print("part", part, await os.clock.now(), flush=True)
        letter = await os.ipc.recv()
        await os.ipc.send(letter.sender, [part, letter.body])
    print("done")
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[list[Daemon]]:
    """The daemons of one state folder, one after the other; the last one is alive."""
    daemons = [Daemon(tmp_path / "s")]
    yield daemons
    daemons[-1].close()


def killed(home: list[Daemon], **variables: str) -> Daemon:
    """Kill the kernel without a word, and start another one."""
    old = home[-1]
    old.process.kill()
    old.process.wait()
    home.append(Daemon(old.state, **variables))
    return home[-1]


async def go_on(os: OS, pid: int, word: str) -> list[object]:
    await os.ipc.send(pid, word)
    found: list[object] = (await os.ipc.recv()).body
    return found


async def written(os: OS, pid: int) -> list[str]:
    return [line.text async for line in os.process.logs(pid)]


async def settled(os: OS, pid: int, word: str = "part") -> ProcessInfo:
    """Wait until it has written something and waits for a letter."""
    async for line in os.process.logs(pid, follow=True):
        if line.text.startswith(word):
            break
    while (found := await os.process.inspect(pid)).waiting_for != ["ipc.recv"]:
        await os.clock.sleep(0.02)
    return found


@pytest.mark.slow
def test_agent_and_kernel_are_killed_and_the_end_is_the_same(
    home: list[Daemon], tmp_path: Path
) -> None:
    program = write(tmp_path, "walker.py", WALKER)

    async def begin(os: OS) -> tuple[int, list[str]]:
        pid = await os.process.spawn(program, task="a walk", durable=True)
        assert (await settled(os, pid)).durable
        assert await go_on(os, pid, "one") == [0, "one"]
        return pid, await written(os, pid)

    pid, before = home[-1].run(begin)

    async def kill(work: OS) -> None:
        first = await settled(work, pid, "part 1")
        assert first.os_pid is not None
        os.kill(first.os_pid, signal.SIGKILL)
        second = first
        while second.incarnation == 1 or second.replaying or second.waiting_for != ["ipc.recv"]:
            await work.clock.sleep(0.02)
            second = await work.process.inspect(pid)
        assert (second.pid, second.state) == (pid, "blocked")
        assert (await written(work, pid))[: len(before)] == before

    home[-1].run(kill)

    async def end(os: OS) -> tuple[Exit, list[str]]:
        assert await go_on(os, pid, "two") == [1, "two"]
        assert await go_on(os, pid, "three") == [2, "three"]
        return await os.process.wait(pid), await written(os, pid)

    ended, after = killed(home).run(end)
    assert (ended.code, after[-1]) == (0, "done")
    assert after[: len(before)] == before

    async def look_back(os: OS) -> list[str]:
        return [past.syscall for past in await os.process.history(pid)]

    assert killed(home).run(look_back).count("memory.write") == 3


@pytest.mark.slow
def test_letters_come_back_and_what_was_not_durable_has_a_true_reason(
    home: list[Daemon], tmp_path: Path
) -> None:
    program = write(tmp_path, "walker.py", WALKER)

    async def begin(os: OS) -> tuple[int, int]:
        pid = await os.process.spawn(program, task="b", durable=True)
        plain = await os.process.spawn(program, task="c")
        await settled(os, pid)
        info = await os.process.inspect(pid)
        assert info.os_pid is not None
        # It cannot take these any more.
        await os.process.signal(pid, "STOP")
        for word in ("one", "two", "three"):
            await os.ipc.send(pid, word)
        return pid, plain

    pid, plain = home[-1].run(begin)

    async def end(os: OS) -> tuple[Exit, Exit, list[object]]:
        # It was suspended, and is.
        while (info := await os.process.inspect(pid)).state != "suspended":
            await os.clock.sleep(0.02)
        assert info.incarnation == 2
        await os.process.signal(pid, "CONT")
        ended, lost = await os.process.wait(pid), await os.process.wait(plain)
        letters = [
            past.result["body"]
            for past in await os.process.history(pid)
            if past.syscall == "ipc.recv"
        ]
        return ended, lost, letters

    ended, lost, letters = killed(home).run(end)
    assert lost == Exit(pid=plain, code=137, reason="the kernel died")
    # Whoever has written has gone, and so the answer to the first letter fails.
    assert ended.code == 1 and letters == ["one"]


@pytest.mark.slow
def test_orderly_restart_is_no_end_and_a_persons_kill_is(
    home: list[Daemon], tmp_path: Path
) -> None:
    program = write(tmp_path, "walker.py", WALKER)

    async def begin(os: OS) -> list[int]:
        pids = [await os.process.spawn(program, task=task, durable=True) for task in "de"]
        for pid in pids:
            await settled(os, pid)
        await os.process.signal(pids[1], "KILL")
        await os.process.wait(pids[1])
        return pids

    pids = home[-1].run(begin)
    home[-1].close()
    home.append(Daemon(home[-1].state))

    async def end(os: OS) -> list[Exit]:
        for word in ("one", "two", "three"):
            await go_on(os, pids[0], word)
        return list(await asyncio.gather(*map(os.process.wait, pids)))

    first, second = home[-1].run(end)
    assert (first.code, first.reason) == (0, "finished")
    assert (second.code, second.reason) == (137, "ended by SIGKILL")


ASTRAY = """
import os as machine

async def main(os):
    await os.clock.now()
    if machine.path.exists("seen"):
        await os.clock.random(2)
    else:
        open("seen", "w").close()
        await os.clock.monotonic()
    await os.ipc.recv()
"""


@pytest.mark.slow
def test_program_that_takes_another_way_ends_with_the_reason(
    home: list[Daemon], tmp_path: Path
) -> None:
    program = write(tmp_path, "astray.py", ASTRAY)

    async def astray(work: OS) -> Exit:
        pid = await work.process.spawn(program, durable=True)
        while (info := await work.process.inspect(pid)).waiting_for != ["ipc.recv"]:
            await work.clock.sleep(0.02)
        assert info.os_pid is not None
        os.kill(info.os_pid, signal.SIGKILL)
        return await work.process.wait(pid)

    ended = home[-1].run(astray)
    assert (ended.code, ended.reason) == (
        1, "EDIVERGED: call 2 is clock.random; recorded is clock.monotonic",
    )  # fmt: skip


PARENT = """
async def main(os, task):
    if task is None:
        print("dice", await os.clock.random(4))
        print(await os.process.wait(await os.process.spawn(__file__, task="child")))
"""


@pytest.mark.slow
def test_one_that_is_not_durable_and_starts_others_runs_again_along_its_record(
    home: list[Daemon], tmp_path: Path
) -> None:
    program = write(tmp_path, "parent.py", PARENT)

    async def parent(os: OS) -> int:
        pid = await os.process.spawn(program)
        assert (await os.process.wait(pid)).code == 0
        return pid

    pid = home[-1].run(parent)
    offline = "llmagentos.kernel.durable.offline"
    command = [sys.executable, "-P", "-m", offline, "--state", str(home[-1].state), str(pid)]
    outcome = json.loads(subprocess.run(command, capture_output=True, timeout=60).stdout)
    assert (outcome["diverged"], outcome["beyond"], outcome["damaged"]) == (None, None, False)
    assert (outcome["calls"], outcome["code"], outcome["identical"]) == (3, 0, True)


MORTAL = """
import os as machine

async def main(os):
    await os.clock.now()
    machine.abort()
"""


@pytest.mark.slow
def test_program_that_dies_again_and_again_is_given_up(
    home: list[Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write(tmp_path, "mortal.py", MORTAL)

    async def mortal(os: OS) -> tuple[ProcessInfo, int]:
        pid = await os.process.spawn(program, durable=True)
        while (info := await os.process.inspect(pid)).incarnation < 3:
            await os.clock.sleep(0.02)
        await os.process.signal(pid, "KILL")
        return info, (await os.process.wait(pid)).code

    info, code = home[-1].run(mortal)
    assert info.exit_code is None and code == 137


SPENDER = """
async def chat(os, count):
    for _ in range(count):
        await os.model.chat([{"role": "user", "content": "go on"}], max_tokens=7)

async def main(os, task):
    if task == "plain":
        await chat(os, 2)
    elif task == "between":
        await os.process.spawn(__file__, task="waits", durable=True)
    elif task == "durable":
        await chat(os, 1)
        await os.process.wait(await os.process.spawn(__file__, task="plain"))
    elif task == "waits":
        await chat(os, 1)
        print("ready", flush=True)
        await os.ipc.recv()
        await chat(os, 100)
    else:
        for kind, durable in (("plain", False), ("durable", True), ("between", False)):
            await os.process.wait(await os.process.spawn(__file__, task=kind, durable=durable))
        print("ready", flush=True)
        await os.ipc.recv()
        await chat(os, 100)
"""


@pytest.mark.slow
def test_what_a_tree_has_used_is_not_forgotten_with_its_kernel(tmp_path: Path) -> None:
    program, script = write(tmp_path, "spender.py", SPENDER), tmp_path / "script.json"
    script.write_text(json.dumps(["one two three four five six seven eight nine"]))
    inference = "LLMAGENTOS_DRIVERS__INFERENCE"
    variables = {
        f"{inference}__ENABLED": "true",
        f"{inference}__SETTINGS__MODEL": f"scripted:{script}",
    }
    home = [Daemon(tmp_path / "s", **variables)]

    async def begin(os: OS) -> tuple[list[int], list[float]]:
        pid = await os.process.spawn(program, task="all", durable=True, budget={"tokens": 600})
        await settled(os, pid, "ready")
        below = [one.pid for one in await os.process.ls() if one.task == "waits"]
        pids = [pid, *below]
        assert len(pids) == 2
        for one in pids:
            await settled(os, one, "ready")
        return pids, [(await os.process.inspect(one)).usage["tokens"] for one in pids]

    async def again(os: OS) -> list[float]:
        for one in pids:
            await settled(os, one, "ready")
        return [(await os.process.inspect(one)).usage["tokens"] for one in pids]

    async def end(os: OS) -> float:
        await asyncio.gather(*(os.ipc.send(one, "go on") for one in pids))
        for one in pids:
            assert (await os.process.wait(one)).code == 1
            assert "EDQUOT" in (await written(os, one))[-1]
        return (await os.process.inspect(pids[0])).usage["tokens"]

    try:
        pids, used = home[-1].run(begin)
        # Five calls of those below it that have ended, and one of the one that lives.
        assert used[0] == 6 * used[1] > 0
        for _ in range(2):
            assert killed(home, **variables).run(again) == used
        assert used[0] < home[-1].run(end) <= 600
    finally:
        home[-1].close()
