"""Who may answer approvals, over the control socket of a real daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.errors import InvalidArgument, NotFound
from llmagentos.syscalls.os import OS

from .conftest import Daemon, write

ASKER = """
async def main(os):
    await os.ipc.publish("news", "x" * 20_000)
    print("done")
"""
#: It holds all that its parent holds, and tries to answer for itself.
GREEDY = """
import asyncio
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os):
    asks = asyncio.ensure_future(os.ipc.publish("a", 1))
    for call in (os.approval.ls(), os.approval.answer(1, True)):
        try:
            print(await call)
        except LLMAgentOSError as error:
            print(error)
    asks.cancel()
"""


async def asked(os: OS, pid: int) -> int:
    """Return the approval that a process waits for."""
    async for event in os.system.events():
        if event.kind == "approval.asked" and event.pid == pid:
            return int(event.details["id"])
    raise AssertionError("the events have ended")


def test_call_waits_for_its_person_who_sees_what_it_is_about(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(tmp_path, "asker.py", ASKER)

    async def work(os: OS) -> None:
        held = ["ipc.publish?", "clock.*"]
        pid = await os.process.spawn(program, name="asker", capabilities=held)
        id = await asked(os, pid)
        (one,) = [one for one in await os.approval.ls() if one.id == id]
        assert (one.pid, one.name, one.syscall, one.subject) == (pid, "asker", "ipc.publish", None)
        assert one.capability == "ipc.publish?" and one.effect and one.by is None
        assert "characters" in one.arguments and one.arguments.startswith('{"topic": "news"')
        assert one.expires is not None and one.expires - one.asked == pytest.approx(30, abs=5)
        assert (await os.process.inspect(pid)).waiting_for == ["ipc.publish"]
        assert (await os.approval.answer(id, True)).id == id
        assert (await os.process.wait(pid)).code == 0
        with pytest.raises(NotFound):
            await os.approval.answer(id, True)
        past = [one.outcome for one in await os.process.history(pid)]
        assert past == ["ok"]

    daemon.run(work)


def test_ended_process_asks_for_nothing_any_more(daemon: Daemon, tmp_path: Path) -> None:
    program = write(tmp_path, "asker.py", ASKER)

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, capabilities=["ipc.publish?"])
        id = await asked(os, pid)
        await os.process.signal(pid, "KILL")
        await os.process.wait(pid)
        assert id not in [one.id for one in await os.approval.ls()]

    daemon.run(work)


def test_agent_answers_nothing_whatever_it_holds(daemon: Daemon, tmp_path: Path) -> None:
    program = write(tmp_path, "greedy.py", GREEDY)

    async def work(os: OS) -> None:
        held = ["ipc.publish?", "approval.*"]
        pid = await os.process.spawn(program, name="greedy", capabilities=held)
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        assert len(lines) == 2 and all("only a person" in line for line in lines)

    daemon.run(work)


def test_child_is_given_no_stronger_form_than_its_parent_has(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "parent.py",
        "from llmagentos.syscalls.errors import LLMAgentOSError\n"
        "async def main(os):\n"
        "    for form in ('memory.get', 'memory.get{untainted}', 'memory.get?'):\n"
        "        try:\n"
        "            pid = await os.process.spawn('x:y', capabilities=[form])\n"
        "            print('spawned')\n"
        "        except LLMAgentOSError as error:\n"
        "            print(error.code)\n",
    )

    async def work(os: OS) -> None:
        pid = await os.process.spawn(program, capabilities=["memory.get?", "process.*"])
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        assert lines == ["EPERM", "EPERM", "spawned"]

    daemon.run(work)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"id": 10**6, "allow": True}, NotFound),
        ({"id": "x", "allow": True}, InvalidArgument),
        ({"id": 1, "allow": "maybe"}, InvalidArgument),
        ({"id": 1, "allow": True, "remember": "ever"}, InvalidArgument),
        ({"id": 1, "allow": False, "reason": "x" * 1001}, InvalidArgument),
    ],
)
def test_answer_that_is_none_is_refused(
    daemon: Daemon, arguments: dict[str, Any], error: type[Exception]
) -> None:
    async def work(os: OS) -> None:
        with pytest.raises(error):
            await os.call("approval.answer", arguments)

    daemon.run(work)


def test_agent_that_reads_a_tainted_ones_letter_or_log_is_tainted_and_so_are_its_children(
    daemon: Daemon, tmp_path: Path
) -> None:
    tainted = write(
        tmp_path,
        "reader.py",
        "async def main(os, task):\n"
        "    (tmp := __import__('pathlib').Path('page.txt')).write_text('hello')\n"
        "    await os.call('tool.call', {'name': 'python', 'arguments': {'code': 'print(1)'}})\n"
        "    print('read it')\n"
        "    await os.ipc.send(int(task), 'hello')\n",
    )
    receiver = write(
        tmp_path,
        "receiver.py",
        "async def main(os, task):\n"
        "    letter = await os.ipc.recv()\n"
        "    print(letter.untrusted)\n"
        "    await os.process.wait(await os.process.spawn('-', arguments=['/bin/true']))\n",
    )

    async def work(os: OS) -> None:
        to = await os.process.spawn(receiver)
        sender = await os.process.spawn(tainted, task=str(to))
        await os.process.wait(to)
        infos = {one.pid: one for one in await os.process.ls(all=True)}
        assert infos[sender].tainted
        assert infos[to].tainted == [f"a letter of process {sender}"]
        (child,) = [one for one in infos.values() if one.program == "/bin/true"]
        assert child.tainted == [f"a letter of process {sender} via process {to}"]
        assert [line.text async for line in os.process.logs(to)] == ["True"]

    daemon.run(work)


def test_history_is_for_those_who_may_see_the_process(daemon: Daemon, tmp_path: Path) -> None:
    nosy = write(
        tmp_path,
        "nosy.py",
        "from llmagentos.syscalls.errors import LLMAgentOSError\n"
        "import os as machine\n"
        "async def main(os, task):\n"
        "    await os.clock.now()\n"
        "    me = int(task) + 1\n"
        "    print([one.syscall for one in await os.process.history(me)])\n"
        "    for pid in (int(task), 10**6):\n"
        "        try:\n"
        "            print(await os.process.history(pid))\n"
        "        except LLMAgentOSError as error:\n"
        "            print(error.code)\n",
    )

    async def work(os: OS) -> None:
        first = await os.process.spawn(nosy, task="0")
        await os.process.wait(first)
        pid = await os.process.spawn(nosy, task=str(first))
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        assert lines == ["['clock.now']", "EPERM", "ENOENT"]
        assert [one.syscall for one in await os.process.history(pid, after=1)] == [
            "process.history"
        ] * 3

    daemon.run(work)
