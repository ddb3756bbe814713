"""Starting a program leads to no file that its starter could not read itself."""

from __future__ import annotations

from pathlib import Path

from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

#: Times that a folder is exchanged for a link while a program in it is being started. Without any
#: care it works in one of some forty.
TRIES = 60
#: Exchanges, in a process of its own, a folder of its own with a link to somebody else's, without
#: end, and starts a program in it, which reads what is there.
BENDER = """
import ctypes, os
exchange = ctypes.CDLL(None).renameat2
async def main(system, task):
    tries, private = task.split(' ', 1)
    folder, link = (os.path.abspath(name) for name in ('folder', 'link'))
    os.mkdir(folder)
    with open(folder + '/thief.py', 'w') as file:
        file.write(f'def main():\\n    print("STOLEN", open({private!r}).read())\\n')
    os.symlink(os.path.dirname(private), link)
    bender = os.fork()
    if bender == 0:
        while True:
            exchange(-100, folder.encode(), -100, link.encode(), 2)
    started = 0
    for _ in range(int(tries)):
        try:
            thief = await system.process.spawn(folder + '/thief.py')
        except Exception:
            continue
        started += 1
        await system.process.wait(thief)
        async for line in system.process.logs(thief):
            if line.text.startswith('STOLEN'):
                print(line.text)
        await system.process.remove(thief)
    os.kill(bender, 9)
    print('tried' if started else 'never started')
"""


def test_program_whose_folder_is_exchanged_for_a_link_reads_nothing_behind_it(
    daemon: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir()
    private = tmp_path / "private/secret"
    private.write_text("the owner's own")
    (tmp_path / "programs").mkdir()
    bender = write(tmp_path / "programs", "bender.py", BENDER)

    async def work(os: OS) -> list[str]:
        pid = await os.process.spawn(bender, task=f"{TRIES} {private}")
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    assert daemon.run(work) == ["tried"]


def test_agent_lets_no_program_be_run_that_it_may_not_read(daemon: Daemon, tmp_path: Path) -> None:
    """Else that program would tell its starter, by its log, what lies beside it."""
    for folder in ("owners", "agents"):
        (tmp_path / folder).mkdir()
    said = "def main(): print(open(__file__[:-9] + 'secret').read())\n"
    write(tmp_path / "owners", "secret", "the owner's own")
    theirs = write(tmp_path / "owners", "report.py", said)
    declared = write(tmp_path / "owners", "agent.toml", "runtime = 'a secret'\n")
    deputy = write(
        tmp_path / "agents",
        "deputy.py",
        "async def main(os, task):\n"
        "    for program in task.split():\n"
        "        try: pid = await os.process.spawn(program)\n"
        "        except Exception as error: print(error.code, 'secret' in error.message)\n"
        "        else:\n"
        "            await os.process.wait(pid)\n"
        "            print([line.text async for line in os.process.logs(pid)])\n",
    )

    async def work(os: OS) -> list[str]:
        task = f"{theirs} {declared} {tmp_path / 'owners/missing.py'}"
        pid = await os.process.spawn(deputy, task=task)
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    assert daemon.run(work) == ["EPERM False"] * 3
