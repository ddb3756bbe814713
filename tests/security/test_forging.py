"""What a process says on its own socket speaks for nobody else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

FORGER = Path(__file__).with_name("forger.py")
#: Calls whose answers, costs and marks a forger names: more than this daemon has made.
MANY = "20000"


def forge(daemon: Daemon, forgery: str, *more: str) -> list[str]:
    """Let a foreign program forge, and return what it was told."""

    async def work(os: OS) -> list[str]:
        argv = [sys.executable, "-P", str(FORGER), forgery, *more]
        pid = await os.process.spawn("-", arguments=argv)
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    return daemon.run(work)


def test_nobody_calls_with_anothers_rights(daemon: Daemon) -> None:
    said = forge(daemon, "behalf", "200")
    *forged, honest = said
    assert honest.startswith("REPLY 7")
    assert len(forged) == 206 and all("EPERM" in one for one in forged)


@pytest.mark.parametrize("forgery", ["reply", "error", "item", "cancel", "taint", "usage"])
def test_nobody_answers_marks_or_ends_a_call_that_is_not_its_own(
    daemon: Daemon, tmp_path: Path, forgery: str
) -> None:
    victim = write(
        tmp_path,
        "victim.py",
        "async def main(os):\n"
        "    print('waits', flush=True)\n"
        "    print((await os.ipc.recv()).body)\n",
    )

    async def start(os: OS) -> int:
        pid = await os.process.spawn(victim)
        async for _ in os.process.logs(pid, follow=True):
            break
        # There is no event for a call that waits.
        while (await os.process.inspect(pid)).waiting_for != ["ipc.recv"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return pid

    pid = daemon.run(start)
    said = forge(daemon, forgery, MANY)
    assert said[-1].startswith("REPLY 7") or said == ["hung up"]

    async def finish(os: OS) -> tuple[list[str], list[str], dict[str, float]]:
        info = await os.process.inspect(pid)
        await os.ipc.send(pid, "honest")
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        return lines, info.tainted, info.usage

    assert daemon.run(finish) == (["waits", "honest"], [], {})


@pytest.mark.parametrize(
    "forgery", ["kind", "version", "length", "head", "nested", "credit", "numbers", "names"]
)
def test_bytes_that_are_no_honest_frame_harm_their_sender_alone(
    daemon: Daemon, forgery: str
) -> None:
    said = forge(daemon, forgery)
    assert said and (said[-1] == "hung up" or said[-1].startswith("REPLY 7"))
    assert not any("\x1b" in line or "Traceback" in line for line in said)

    async def alive(os: OS) -> float:
        return await os.clock.now()

    assert daemon.run(alive) > 0


def test_what_the_kernel_alone_writes_is_not_believed_of_others(daemon: Daemon) -> None:
    # Told that it is process 1 of root's, the kernel still waits for the forger's own letters.
    said = forge(daemon, "caller")
    assert said[-1].startswith("REPLY 7")


def test_agent_with_all_of_its_usual_rights_reaches_no_office_of_drivers_or_people(
    daemon: Daemon, tmp_path: Path
) -> None:
    program = write(
        tmp_path,
        "climber.py",
        "async def main(os):\n"
        "    for name, arguments in [\n"
        "        ('system.provide', {'syscalls': []}),\n"
        "        ('system.effects', {'name': 'a', 'of': {}}),\n"
        "        ('system.session', {'secret': 'x'}), ('system.shutdown', {}),\n"
        "        ('system.token_create', {'name': 'x'}), ('system.token_ls', {}),\n"
        "        ('device.register', {'kind': 'x', 'slots': 1}),\n"
        "        ('approval.ls', {}), ('approval.answer', {'id': 1, 'allow': True}),\n"
        "        ('rights.audit', {}), ('rights.secret_ls', {}), ('rights.policy', {}),\n"
        "        ('rights.revoke', {'pid': 1, 'capabilities': ['*']}),\n"
        "        ('rights.secret_set', {'name': 'a', 'value': 'x' * 20}),\n"
        "        ('tool.connect', {'name': 'x', 'command': ['/bin/sh']}),\n"
        "        ('process.spawn', {'program': __file__, 'capabilities': ['*']}),\n"
        "        ('process.signal', {'pid': 1}), ('process.signal', {'pid': 2}),\n"
        "        ('process.renice', {'pid': 2, 'nice': 19}), ('process.history', {'pid': 2}),\n"
        "        ('process.logs', {'pid': 2}), ('process.stop', {'pid': 2}),\n"
        "    ]:\n"
        "        try:\n"
        "            if name in ('rights.audit', 'process.logs'):\n"
        "                async for _ in os.stream(name, arguments): pass\n"
        "            else:\n"
        "                await os.call(name, arguments)\n"
        "            print('done', name)\n"
        "        except Exception as error:\n"
        "            if error.code != 'EPERM': print(error.code, name, error.message)\n",
    )

    async def work(os: OS) -> list[str]:
        pid = await os.process.spawn(program)
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    assert daemon.run(work) == []
