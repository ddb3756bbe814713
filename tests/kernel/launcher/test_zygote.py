"""What a real zygote starts has what it was given, nothing else, and is told of once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from llmagentos.kernel.sandbox.layers import Sandbox
from llmagentos.syscalls.errors import DeviceError, SandboxError

from .yard import FREE, SEALED, Scene, Yard, settle, status_of

LAYERS = ("netns", "seccomp", "landlock", "rlimits")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_output_code_and_signal_of_a_program_are_told(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        for sandbox, first in ((FREE, 1), (SEALED, 11)):
            await yard.launch(first, "sh", "-c", "echo out; echo err >&2; exit 7", sandbox=sandbox)
            await yard.launch(first + 1, "sh", "-c", "kill -KILL $$", sandbox=sandbox)
            await yard.launch(
                first + 2,
                "sh",
                "-c",
                "echo $COLOUR; pwd; echo $HOME; cat",
                sandbox=sandbox,
                environment={"COLOUR": "blue"},
            )
            await yard.ended(len(yard.ends) + 1)
        ends = await yard.ended(6)
        for first in (1, 11):
            assert ends[first] == (7, 0) and yard.said(first) == "out\nerr\n"
            assert ends[first + 1] == (0, signal.SIGKILL)
            home = yard.folder / "home"
            assert yard.said(first + 2) == f"blue\n{home}\n{home}\n"
        assert len(yard.ends) == 6

    play(scene)


def test_program_that_ends_at_once_is_told_of_exactly_once(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        order: list[str] = []
        for pid in range(1, 11):
            await yard.program(pid, "import os; os._exit(3)", SEALED if pid % 2 else FREE)
            order.append("launched" if all(end[0] != pid for end in yard.ends) else "late")
        await yard.ended(10)
        await yard.launch(99, "true")  # Whatever was told twice would have been told by now.
        await yard.ended(11)
        assert sorted(yard.ends)[:10] == [(pid, 3, 0) for pid in range(1, 11)]
        assert len(yard.ends) == 11 and set(order) == {"launched"}

    play(scene)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("raise SystemExit(5)", 5, ""),
        ("import sys; sys.exit()", 0, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("1 / 0", 1, "ZeroDivisionError"),
        (
            "import threading, sys\n"
            "threading.Timer(0.02, print, ['finished']).start()\n"
            "sys.exit(4)",
            4,
            "finished",
        ),
        ("import sys; sys.exit('no such colour')", 1, "no such colour"),
    ],
    ids=["code", "none", "interrupt", "error", "thread", "text"],
)
def test_program_ends_as_python_would_end_it(
    play: Callable[[Scene], None], text: str, code: int, said: str
) -> None:
    async def scene(yard: Yard) -> None:
        await yard.program(1, text)
        assert await yard.ended(1) == {1: (code, 0)}
        assert said in yard.said(1)

    play(scene)


def test_no_two_programs_draw_the_same_random_numbers(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        for pid in range(1, 5):
            await yard.program(pid, "import random; raise SystemExit(random.random())", SEALED)
        await yard.ended(4)
        assert len({float(yard.said(pid)) for pid in range(1, 5)}) == 4

    play(scene)


def test_program_may_fork_and_use_threads(play: Callable[[Scene], None]) -> None:
    text = (
        "import os, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    print(sum(pool.map(abs, range(-9, 0))), flush=True)\n"
        "if os.fork() == 0:\n"
        "    print(threading.current_thread() is threading.main_thread(), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "raise SystemExit\n"
    )

    async def scene(yard: Yard) -> None:
        await yard.program(1, text)
        assert await yard.ended(1) == {1: (0, 0)}
        assert yard.said(1) == "45\nTrue\n"

    play(scene)


def test_command_that_cannot_be_run_ends_as_in_a_shell(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        await yard.launch(1, "no-such-command")
        await yard.launch(2, str(yard.folder))
        assert await yard.ended(2) == {1: (127, 0), 2: (126, 0)}
        assert "no-such-command" in yard.said(1) and str(yard.folder) in yard.said(2)

    play(scene)


def test_fifty_launches_at_once_all_succeed_and_leak_nothing(
    play: Callable[[Scene], None],
) -> None:
    async def scene(yard: Yard) -> None:
        await yard.launch(0, "true", sandbox=SEALED)
        await yard.ended(1)
        before = open_files()
        launched = await asyncio.gather(
            *(
                yard.launch(pid, "sh", "-c", f"exit {pid}", sandbox=SEALED if pid % 2 else FREE)
                for pid in range(1, 51)
            )
        )
        ends = await yard.ended(51)
        assert ends == {pid: (pid, 0) for pid in range(51)} and len(yard.ends) == 51
        assert len({one.os_pid for one in launched}) == 50
        for pid in range(1, 51):
            yard.sockets.pop(pid).close()
        assert open_files() == before

    play(scene)


@pytest.mark.parametrize("sandbox", [FREE, SEALED], ids=["free", "sealed"])
def test_process_holds_its_three_streams_and_its_socket_and_nothing_else(
    play: Callable[[Scene], None], sandbox: Sandbox
) -> None:
    held = (
        "import os\n"
        "def held(number):\n"
        "    try: return bool(os.fstat(number))\n"
        "    except OSError: return False\n"
        "numbers = [n for n in range(256) if held(n)]\n"
    )
    name = "print(*(os.readlink(f'/proc/self/fd/{n}') for n in numbers), flush=True)\nos._exit(0)"

    async def scene(yard: Yard) -> None:
        await yard.launch(1, "sleep", "60", sandbox=sandbox)
        await yard.launch(2, sys.executable, "-IS", "-c", held + "print(numbers)", sandbox=sandbox)
        await yard.program(3, held + name, sandbox)
        await yard.program(4, held + name, sandbox)
        await yard.ended(3)
        assert yard.said(2) == "[0, 1, 2, 3]\n"
        # Besides, a program that was not executed has its loop's, which nobody shares.
        loops = [yard.said(number).split()[4:] for number in (3, 4)]
        pipes = [{one for one in loop if one.startswith("pipe:")} for loop in loops]
        assert pipes[0] and pipes[1] and not pipes[0] & pipes[1]
        for loop in loops:
            kinds = {one.partition(":")[2] for one in loop if not one.startswith("pipe:")}
            assert kinds - {"[io_uring]"} == {"[eventpoll]", "[eventfd]"}

    play(scene)


@pytest.mark.parametrize(
    ("layer", "sandbox", "readable"),
    [
        # The root can be read after all, and a limit of files below 0 is none.
        ("landlock", Sandbox(netns="off", seccomp="off", landlock="required"), (Path("/"),)),
        ("rlimits", Sandbox(netns="off", seccomp="off", rlimits="required", files=-5), ()),
    ],
    ids=["landlock", "rlimits"],
)
def test_required_layer_that_does_not_hold_refuses_the_start(
    play: Callable[[Scene], None], layer: str, sandbox: Sandbox, readable: tuple[Path, ...]
) -> None:
    async def scene(yard: Yard) -> None:
        with pytest.raises(SandboxError, match=f"required: {layer}") as refusal:
            await yard.launch(1, "sh", "-c", "echo ran", sandbox=sandbox, readable=readable)
        assert refusal.value.details[layer] != "enforced"
        assert yard.said(1) == ""
        await yard.gone(1)

    play(scene)


def test_layers_are_reported_as_they_are(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        off = dict.fromkeys(LAYERS, "off")
        for pid, sandbox, readable, differs in (
            (1, FREE, (), {}),
            (2, replace(FREE, rlimits="wanted"), (), {"rlimits": "enforced"}),
            (3, replace(FREE, landlock="wanted"), (Path("/"),), {"landlock": "failed"}),
        ):
            launched = await yard.launch(pid, "true", sandbox=sandbox, readable=readable)
            assert {layer: launched.report[layer] for layer in LAYERS} == {**off, **differs}
        await yard.ended(3)

    play(scene)


def test_signals_stop_continue_and_end_a_program(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        os_pid = (await yard.launch(1, "sleep", "60", sandbox=SEALED)).os_pid
        yard.launcher.signal(os_pid, signal.SIGSTOP)
        while status_of(os_pid)[0] != "T":
            await settle()
        yard.launcher.signal(os_pid, signal.SIGTERM)  # A stopped process does not take it yet.
        await yard.launch(2, "true", sandbox=SEALED)
        assert await yard.ended(1) == {2: (0, 0)}
        yard.launcher.signal(os_pid, signal.SIGCONT)
        assert (await yard.ended(2))[1] == (0, signal.SIGTERM)
        yard.launcher.signal(os_pid, signal.SIGTERM)  # It is gone: nothing happens.

    play(scene)


def test_process_that_fails_before_it_begins_is_refused_and_its_number_can_be_used_again(
    play: Callable[[Scene], None],
) -> None:
    async def scene(yard: Yard) -> None:
        with pytest.raises(DeviceError, match="before it began"):
            await yard.launch(1, "true", home=yard.folder / "nowhere")
        assert "nowhere" in yard.said(1)
        yard.sockets[1].close()
        with pytest.raises(SandboxError):
            await yard.launch(1, "true", sandbox=replace(FREE, rlimits="required", files=-5))
        yard.sockets[1].close()
        await yard.launch(1, "sh", "-c", "exit 3")
        # Of the failures nobody is told a second time.
        assert await yard.ended(1) == {1: (3, 0)} and len(yard.ends) == 1

    play(scene)


@pytest.mark.parametrize("sandbox", [FREE, SEALED], ids=["free", "sealed"])
def test_connection_of_the_first_process_ends_with_it(
    play: Callable[[Scene], None], sandbox: Sandbox
) -> None:
    async def scene(yard: Yard) -> None:
        await yard.launch(1, "true", sandbox=sandbox)
        await yard.ended(1)
        async with asyncio.timeout(60):
            await yard.gone(1)

    play(scene)


def test_processes_that_a_process_has_started_end_with_it(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        launched = await yard.launch(1, "sh", "-c", "sleep 60 & echo $!; kill -STOP $$")
        while not yard.said(1).endswith("\n"):
            await settle()
        try:
            yard.launcher.signal(launched.os_pid, signal.SIGKILL)
            await yard.ended(1)
            async with asyncio.timeout(60):
                await yard.gone(1)
        finally:
            with suppress(ProcessLookupError):
                os.kill(int(yard.said(1)), signal.SIGKILL)

    play(scene)


def test_agent_sees_nothing_of_the_daemons_environment_that_could_be_secret(
    play_alone: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMAGENTOS_KEY", "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    async def scene(yard: Yard) -> None:
        for pid, inherits in ((1, True), (2, False)):
            await yard.launch(pid, "env", inherits=inherits, environment={"COLOUR": "blue"})
        await yard.ended(2)
        driver, agent = (
            dict(line.split("=", 1) for line in yard.said(pid).splitlines() if "=" in line)
            for pid in (1, 2)
        )
        assert driver["LLMAGENTOS_KEY"] == "secret"
        assert "LLMAGENTOS_KEY" not in agent
        for seen in (driver, agent):
            assert (seen["COLOUR"], seen["LC_ALL"]) == ("blue", "C.UTF-8")
            assert seen["HOME"] == str(yard.folder / "home") and seen["PATH"] == os.environ["PATH"]

    play_alone(scene)


def test_closing_kills_whatever_runs(play_alone: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        for pid, sandbox in enumerate((FREE, SEALED)):
            await yard.launch(
                pid, "sh", "-c", "trap '' TERM INT HUP; while :; do :; done", sandbox=sandbox
            )
        await yard.launcher.close()
        for pid in (0, 1):
            await yard.gone(pid)

    play_alone(scene)


@pytest.mark.parametrize("sandbox", [FREE, SEALED], ids=["free", "sealed"])
def test_program_has_all_that_a_loop_offers(
    play: Callable[[Scene], None], sandbox: Sandbox
) -> None:
    text = (
        "import asyncio, os, signal\n"
        "async def main(_):\n"
        "    loop = asyncio.get_running_loop()\n"
        "    other = await asyncio.create_subprocess_exec('echo', 'child', stdout=-1)\n"
        "    print((await other.communicate())[0].decode().strip(), other.returncode)\n"
        "    print(await loop.run_in_executor(None, lambda: 'thread'))\n"
        "    came = asyncio.Event()\n"
        "    loop.add_signal_handler(signal.SIGUSR1, came.set)\n"
        "    os.kill(os.getpid(), signal.SIGUSR1)\n"
        "    await came.wait()\n"
        "    left = asyncio.ensure_future(asyncio.Event().wait())\n"
        "    left.add_done_callback(lambda one: print(one.cancelled()))\n"
        "    await asyncio.sleep(0)\n"
        "    async def items():\n"
        "        try: yield 1\n"
        "        finally: print('closed')\n"
        "    async for _ in (kept := items()): break\n"
        "    return 7\n"
    )

    async def scene(yard: Yard) -> None:
        await yard.program(1, text, sandbox)
        assert await yard.ended(1) == {1: (7, 0)}, yard.said(1)
        said = yard.said(1).splitlines()
        assert said[:2] == ["child 0", "thread"] and set(said[2:]) == {"True", "closed"}

    play(scene)


def test_interrupted_program_cleans_up_and_may_go_on(play: Callable[[Scene], None]) -> None:
    text = (
        "import asyncio\n"
        "async def main(_):\n"
        "    print('begun', flush=True)\n"
        "    try: await asyncio.Event().wait()\n"
        "    except asyncio.CancelledError:\n"
        "        print('cancelled', flush=True)\n"
    )

    async def scene(yard: Yard) -> None:
        endings = (text + "        raise\n", 130), (text + "        return 5\n", 5)
        for pid, (one, code) in enumerate(endings, 1):
            launched = await yard.program(pid, one, FREE)
            async with asyncio.timeout(60):
                while "begun" not in yard.said(pid):  # noqa: ASYNC110  # another process writes it
                    await asyncio.sleep(0.01)
            yard.launcher.signal(launched.os_pid, signal.SIGINT)
            assert (await yard.ended(pid))[pid] == (code, 0), yard.said(pid)
            assert yard.said(pid) == "begun\ncancelled\n"

    play(scene)
