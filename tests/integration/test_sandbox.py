"""Agents of a real daemon try what the report of their sandbox says that they cannot do."""

from __future__ import annotations

import os as machine
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS

from .conftest import Daemon, write

#: What the daemon's environment holds and no agent may know.
SECRET = "sk-only-the-drivers-know"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    patch = pytest.MonkeyPatch()
    patch.setenv("SECRET_API_KEY", SECRET)
    patch.setenv("LC_TIME", "C.UTF-8")
    try:
        made = Daemon(tmp_path_factory.mktemp("aos") / "s")
    finally:
        patch.undo()
    yield made
    made.close()


def attempt(daemon: Daemon, folder: Path, text: str, *layers: str, task: str = "") -> list[str]:
    """Return what an agent prints that does `text`; skip where the layers are not enforced."""

    async def work(os: OS) -> tuple[dict[str, str], list[str]]:
        pid = await os.process.spawn(write(folder, "attempt.py", text), task=task)
        await os.process.wait(pid)
        said = [line.text async for line in os.process.logs(pid)]
        return (await os.process.inspect(pid)).sandbox, said

    report, said = daemon.run(work)
    lacking = {layer: report[layer] for layer in layers if report[layer] != "enforced"}
    if lacking:
        (pytest.fail if machine.environ.get("CI") else pytest.skip)(f"layers here: {lacking}")
    return said


def drivers(daemon: Daemon) -> list[int]:
    async def work(os: OS) -> list[int]:
        await os.memory.ls()
        return [one.os_pid for one in await os.process.ls(all=True) if one.os_pid and not one.task]

    found: list[int] = daemon.run(work)
    return [daemon.process.pid, *found]


def test_agent_signals_its_own_children_and_nobody_else(daemon: Daemon, tmp_path: Path) -> None:
    others = drivers(daemon)
    said = attempt(
        daemon,
        tmp_path,
        "import os, signal, subprocess\n"
        "def main(_, task):\n"
        "    for pid in (os.getppid(), *map(int, task.split())):\n"
        "        try:\n"
        "            os.kill(pid, signal.SIGKILL); print('killed', pid)\n"
        "        except PermissionError:\n"
        "            print('refused')\n"
        "    child = subprocess.Popen(['sleep', '1000'])\n"
        "    child.kill(); print(child.wait())\n",
        "signals",
        task=" ".join(map(str, others)),
    )
    assert said == ["refused"] * (len(others) + 1) + ["-9"]


def test_agent_bends_nobodys_limits_and_ranks_but_its_own(daemon: Daemon, tmp_path: Path) -> None:
    said = attempt(
        daemon,
        tmp_path,
        "import os, resource\n"
        "def main(_, task):\n"
        "    core, none = resource.RLIMIT_CORE, (0, 0)\n"
        "    for pid in (int(task), 0):\n"
        "        for act in (\n"
        "            lambda: resource.prlimit(pid, core, none),\n"
        "            lambda: os.setpriority(os.PRIO_PROCESS, pid, 5),\n"
        "            lambda: os.sched_setaffinity(pid, os.sched_getaffinity(0)),\n"
        "        ):\n"
        "            try: act(); print('done')\n"
        "            except PermissionError: print('refused')\n",
        "seccomp",
        task=str(daemon.process.pid),
    )
    assert said == ["refused"] * 3 + ["done"] * 3


def test_agent_holds_no_privilege_even_of_a_daemon_of_roots(daemon: Daemon, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "def main():\n"
        "    Path('mine').write_text('x')\n"
        "    print(Path('/proc/self/status').read_text())\n"
    )

    async def executed(os: OS) -> list[str]:
        pid = await os.process.spawn("-", arguments=["cat", "/proc/self/status"])
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    said = attempt(daemon, tmp_path, program, "privileges") + daemon.run(executed)
    held = [line.split()[1] for line in said if line.startswith(("CapPrm", "CapEff", "CapInh"))]
    assert held == ["0" * 16] * 6


#: Looks through all of its own memory for a text that it never holds whole itself.
_SEARCH = """
import os
from pathlib import Path

def found(head, last):
    count = 0
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in Path("/proc/self/maps").read_text().splitlines():
            start, end = (int(one, 16) for one in line.split()[0].split("-"))
            if " rw" in line:
                memory.seek(start)
                try:
                    parts = memory.read(end - start).split(head)
                except (OSError, MemoryError):
                    continue
                count += sum(part[:1] == last for part in parts[1:])
    return count > 0

def main(_, task):
    *head, last = map(int, task.split())
    head, last = bytes(head), bytes([last])
    print(os.environ.get("LC_TIME"), "SECRET_API_KEY" in os.environ, found(head, last))
    whole = head + last
    print(found(head, last))
"""


def test_agent_finds_none_of_the_daemons_secrets_even_in_its_memory(
    daemon: Daemon, tmp_path: Path
) -> None:
    task = " ".join(map(str, SECRET.encode()))
    said = attempt(daemon, tmp_path, _SEARCH, task=task)
    assert said == ["C.UTF-8 False False", "True"]
