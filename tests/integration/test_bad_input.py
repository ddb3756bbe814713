"""Whatever comes in, the daemon answers with a typed error and goes on."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import struct
from pathlib import Path
from typing import Any

import msgpack
import pytest

from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    InputOutputError,
    InvalidArgument,
    NoSyscall,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)
from llmagentos.syscalls.os import OS

from .conftest import Daemon, write


def frame(header: Any, body: bytes = b"") -> bytes:
    head = msgpack.packb(header)
    return struct.pack("!IH", 2 + len(head) + len(body), len(head)) + head + body


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("!IH", 2**31, 10),
        struct.pack("!IH", 4, 500) + b"xx",
        frame([9, 0, 1, "clock.now", None, None, None]),
        frame({"not": "an array"}),
        frame([1, 99, 1]),
        frame([1, 0, 1]),
        b"\xff" + os.urandom(4095),  # What announces less would be waited for.
    ],
    ids=["http", "huge", "header", "version", "map", "kind", "short", "noise"],
)
def test_bytes_that_are_no_frames_end_their_own_connection_alone(
    daemon: Daemon, data: bytes
) -> None:
    async def neighbour(os: OS) -> None:
        with daemon.socket() as sock:
            sock.settimeout(10)
            sock.sendall(data)
            answer = await asyncio.to_thread(_read_all, sock)
            assert b"EPROTO" in answer or b"E2BIG" in answer
        await os.clock.now()

    daemon.run(neighbour)


def _read_all(sock: Any) -> bytes:
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def test_truncated_frame_is_forgotten_with_its_connection(daemon: Daemon) -> None:
    with daemon.socket() as sock:
        sock.sendall(frame([1, 0, 1, "clock.now", None, None, None])[:-3])
    daemon.run(lambda os: os.clock.now())


def test_wrong_types_and_unknown_syscalls_are_named(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        with pytest.raises(InvalidArgument, match="key"):
            await os.call("memory.get", {"key": 7})
        with pytest.raises(InvalidArgument, match="pid"):
            await os.call("process.inspect", {"pid": "one"})
        with pytest.raises(InvalidArgument, match="colour"):
            await os.call("memory.get", {"key": "a", "colour": 1})
        with pytest.raises(NoSyscall, match=r"no\.such"):
            await os.call("no.such")
        with pytest.raises(NotFound):
            await os.process.inspect(10**9)

    daemon.run(work)


def test_call_that_nobody_answers_ends_at_its_deadline_and_says_why(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        with pytest.raises(DeadlineExceeded, match=r"model\.ls"):
            await os.call("model.ls", deadline=0.2)

    daemon.run(work)


def test_killed_driver_comes_back_and_repeatable_calls_do_not_notice(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        await os.memory.put("survivor", "yes")
        for _ in range(2):
            (driver,) = [one for one in await os.process.ls(all=True) if one.name == "memory"]
            assert driver.os_pid is not None
            _kill(driver.os_pid)
            assert (await os.memory.get("survivor")).value == "yes"
        services = {one.name: one for one in (await os.system.status()).services}
        assert services["memory"].restarts >= 2

    daemon.run(work)


def _started(os_pid: int) -> set[str]:
    """Return the processes that a process has started and that live."""
    tasks = Path(f"/proc/{os_pid}/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def _kill(os_pid: int) -> None:
    os.kill(os_pid, signal.SIGKILL)


@pytest.mark.usefixtures("bubblewrap")
def test_driver_killed_over_an_effect_says_that_it_does_not_know(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        await os.tool.ls()
        (driver,) = [one for one in await os.process.ls(all=True) if one.name == "tools"]
        before = _started(driver.os_pid or 0)
        hung = asyncio.create_task(os.tool.call("python", {"code": "import time; time.sleep(60)"}))
        # Killed sooner, before the effect has gone out, the driver's successor would be asked.
        while _started(driver.os_pid or 0) == before:
            await os.clock.now()
        _kill(driver.os_pid or 0)
        with pytest.raises(InDoubt):
            await hung
        assert (await os.tool.call("calculator", {"expression": "6*7"})).text == "42"

    daemon.run(work)


@pytest.mark.usefixtures("bubblewrap")
def test_hung_tool_hurts_only_its_caller(daemon: Daemon) -> None:
    async def work(os: OS) -> None:
        hung = asyncio.create_task(os.tool.call("shell", {"command": "sleep 60"}, timeout=1.0))
        for _ in range(20):
            assert (await os.tool.call("calculator", {"expression": "1+1"})).text == "2"
        with pytest.raises(DeadlineExceeded):
            await hung

    daemon.run(work)


def test_full_disk_refuses_effects_and_lets_all_else_go_on(daemon: Daemon) -> None:
    kernel = daemon.process.pid

    async def work(os: OS) -> None:
        await os.memory.put("before", 1)
        soft_hard = resource.prlimit(kernel, resource.RLIMIT_FSIZE)
        try:
            # Every write of the kernel's to a file fails from here on, as on a full disk.
            resource.prlimit(kernel, resource.RLIMIT_FSIZE, (0, soft_hard[1]))
            await os.clock.now()
            with pytest.raises(InputOutputError, match="journal"):
                for _ in range(5):
                    await os.memory.put("while-full", 1)
            assert (await os.memory.get("before")).value == 1
            assert (await os.system.status()).journal != "healthy"
        finally:
            resource.prlimit(kernel, resource.RLIMIT_FSIZE, soft_hard)
        while True:  # It tries again at most once a second.
            try:
                await os.memory.put("after", 1)
                break
            except InputOutputError:
                await os.clock.now()
        assert (await os.system.status()).journal == "healthy"

    daemon.run(work)


def test_agent_reaches_its_children_and_nobody_else(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "meddler.py",
        "async def main(os, task):\n"
        "    for pid in (1, int(task)):\n"
        "        try:\n"
        "            await os.process.signal(pid, 'KILL'); print('killed', pid)\n"
        "        except Exception as error:\n"
        "            print(error.code)\n"
        "    try:\n"
        "        await os.system.shutdown()\n"
        "    except Exception as error:\n"
        "        print(error.code)\n",
    )

    async def work(os: OS) -> None:
        victim = await os.process.spawn("-", arguments=["sleep", "60"])
        pid = await os.process.spawn(program, task=str(victim))
        await os.process.wait(pid)
        said = [line.text async for line in os.process.logs(pid)]
        assert said == ["EPERM"] * 3
        assert (await os.process.inspect(victim)).state == "running"
        assert (await os.process.stop(victim)).code == 143

    daemon.run(work)


def test_child_never_has_more_rights_or_budget_than_its_parent(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "parent.py",
        "async def main(os, task):\n"
        "    for wanted in (dict(capabilities=['system.*']), dict(), dict()):\n"
        "        try:\n"
        "            print('born' if await os.process.spawn(task, **wanted) else '')\n"
        "        except Exception as error:\n"
        "            print(error.code)\n",
    )
    child = write(tmp_path, "child.py", "def main():\n    import time; time.sleep(60)\n")

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, task=child, budget={"processes": 2})
        await os.process.wait(pid)
        said = [line.text async for line in os.process.logs(pid)]
        assert said == [PermissionDenied.code, "born", QuotaExceeded.code]

    daemon.run(work)


def test_program_that_cannot_be_run_says_why(daemon: Daemon, tmp_path: Path) -> None:
    broken = write(tmp_path, "broken.py", "def main(:\n")
    empty = write(tmp_path, "empty.py", "x = 1\n")

    async def work(os: OS) -> None:
        with pytest.raises(NotFound):
            await os.process.spawn(str(tmp_path / "nowhere.py"))
        with pytest.raises(InvalidArgument, match="kind"):
            await os.process.spawn(write(tmp_path, "x.sh", ""))
        with pytest.raises(InvalidArgument, match="resource"):
            await os.process.spawn(empty, budget={"gold": 1})
        for program, word in ((broken, "SyntaxError"), (empty, "has no function main")):
            pid = await os.process.spawn(program)
            assert (await os.process.wait(pid)).code in (1, 126)
            assert word in "\n".join([line.text async for line in os.process.logs(pid)])

    daemon.run(work)


def test_mailboxes_and_topics_carry_messages_with_their_true_sender(
    daemon: Daemon, tmp_path: Path
) -> None:
    echo = write(
        tmp_path,
        "echo.py",
        "async def main(os, task):\n"
        "    letter = await os.ipc.recv()\n"
        "    await os.ipc.send(letter.sender, letter.body)\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(echo)
        await os.ipc.send(pid, {"hello": [1]})
        letter = await os.ipc.recv()
        assert (letter.sender, letter.body) == (pid, {"hello": [1]})
        await os.process.wait(pid)
        with pytest.raises(NotFound):
            await os.ipc.send(pid, "too late")

    daemon.run(work)


def test_second_daemon_in_the_same_place_is_refused(daemon: Daemon) -> None:
    import subprocess
    import sys

    ran = subprocess.run(
        [sys.executable, "-P", "-m", "llmagentos.kernel.boot", "--state", str(daemon.state)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 125 and "EEXIST" in ran.stderr
    assert DeviceError.code not in ran.stderr
