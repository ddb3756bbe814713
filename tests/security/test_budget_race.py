"""A tree of agents that races to overspend is stopped at or under its budget, every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

pytestmark = pytest.mark.slow
INFERENCE = "LLMAGENTOS_DRIVERS__INFERENCE"
#: Starts children and makes calls, all at once and at every depth.
RACER = """
import asyncio
async def main(os, task):
    depth = int(task)
    async def child():
        try:
            pid = await os.process.spawn(__file__, task=str(depth - 1))
            await os.process.wait(pid)
        except Exception as error:
            if error.code not in ('EDQUOT', 'EAGAIN', 'ECANCELED'): print(error.code, error.message)
    async def spend():
        try:
            for _ in range(20):
                await os.model.chat([{'role': 'user', 'content': 'go on'}], max_tokens=7)
        except Exception as error:
            if error.code not in ('EDQUOT', 'EAGAIN', 'ECANCELED'): print(error.code, error.message)
    children = [child() for _ in range(8)] if depth else []
    await asyncio.gather(*children, *(spend() for _ in range(4)))
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("aos")
    script = folder / "script.json"
    script.write_text(json.dumps(["one two three four five six seven eight nine"]))
    made = Daemon(
        folder / "s",
        **{
            f"{INFERENCE}__ENABLED": "true",
            f"{INFERENCE}__SETTINGS__MODEL": f"scripted:{script}",
        },
    )
    yield made
    made.close()


@pytest.mark.parametrize("round", range(3))
def test_no_race_of_children_spends_more_than_their_ancestor_may(
    daemon: Daemon, tmp_path: Path, round: int
) -> None:
    program = write(tmp_path, f"racer{round}.py", RACER)
    limits = {"tokens": 1000.0 + round, "processes": 12.0}

    async def work(os: OS) -> tuple[dict[str, float], list[str], int]:
        pid = await os.process.spawn(program, task="2", budget=limits)
        most = alive = 0
        async for event in os.system.events(tail=1000):
            if event.kind == "process.started" and (alive or event.pid == pid):
                alive += 1
            elif event.kind == "process.exited" and alive:
                alive -= 1
                if event.pid == pid:
                    break
            most = max(most, alive)
        said = [line.text async for line in os.process.logs(pid)]
        return (await os.process.inspect(pid)).usage, said, most

    used, said, most = daemon.run(work)
    assert said == []
    # Whoever was refused while others' calls were under way has given up.
    assert limits["tokens"] / 2 < used["tokens"] <= limits["tokens"]
    assert 2 < most <= limits["processes"]


#: A driver whose calls cost what they are told to, and say so at their end.
KILN = """
import asyncio
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.server import charge

class Kiln(Interface, name="kiln"):
    async def setup(self, host: Host) -> None:
        await host.os.device.register("kiln", slots=64, flags=[])
        await host.os.system.ready()

    @syscall(device="kiln")
    async def fire(self, resource: str, cost: float) -> None:
        await asyncio.sleep(0.02)
        charge(**{resource: cost})
"""
#: The first calls of their kind that the daemon sees, of many agents at once.
STAMPEDE = """
import asyncio
async def main(os, task):
    depth, resource = task.split()
    def tell(error):
        if error.code not in ('EDQUOT', 'EAGAIN', 'ECANCELED'): print(error.code, error.message)
    async def child():
        try: await os.process.wait(await os.process.spawn(__file__, task=f'0 {resource}'))
        except Exception as error: tell(error)
    async def spend():
        try:
            for _ in range(5): await os.call('kiln.fire', dict(resource=resource, cost=1.0))
        except Exception as error: tell(error)
    children = [child() for _ in range(5)] if depth == '1' else []
    await asyncio.gather(*children, *(spend() for _ in range(8)))
"""


@pytest.mark.parametrize("resource", ["money", "device_seconds"])
def test_first_calls_of_a_kind_made_at_once_spend_no_more_than_their_ancestor_may(
    tmp_path: Path, resource: str
) -> None:
    program = write(tmp_path, "stampede.py", STAMPEDE)
    write(tmp_path, "kiln.py", KILN)
    about = tmp_path / "kiln-1.dist-info"
    about.mkdir()
    write(about, "METADATA", "Metadata-Version: 2.1\nName: kiln\nVersion: 1\n")
    write(about, "entry_points.txt", "[llmagentos.drivers]\nkiln = kiln:Kiln\n")
    daemon = Daemon(tmp_path / "s", PYTHONPATH=str(tmp_path))

    async def work(os: OS) -> list[tuple[float, list[str]]]:
        async for event in os.system.events(tail=1000):
            if event.kind == "service.ready" and "kiln" in event.text:
                break
        trees = [
            await os.process.spawn(
                program, task=f"1 {resource}", budget={resource: limit}, capabilities=["*"]
            )
            for limit in (1.0, 3.0, 7.5)
        ]
        found = []
        for pid in trees:
            await os.process.wait(pid)
            said = [line.text async for line in os.process.logs(pid)]
            found.append(((await os.process.inspect(pid)).usage.get(resource, 0.0), said))
        return found

    try:
        found = daemon.run(work)
    finally:
        daemon.close()
    assert [said for _, said in found] == [[], [], []]
    assert [used for used, _ in found] == pytest.approx([1.0, 3.0, 7.0])


def test_budget_of_time_ends_the_whole_tree(daemon: Daemon, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        "sleepers.py",
        "import asyncio\n"
        "async def main(os, task):\n"
        "    depth = int(task)\n"
        "    if depth:\n"
        "        for _ in range(2): await os.process.spawn(__file__, task=str(depth - 1))\n"
        "    await asyncio.sleep(600)\n",
    )

    async def work(os: OS) -> list[int]:
        pid = await os.process.spawn(program, task="2", budget={"wall_seconds": 1.5})
        await os.process.wait(pid)
        left = [one.pid for one in await os.process.ls() if one.program == program]
        return [(await os.process.wait(one)).code for one in left]

    assert all(code in (124, 137, 143) for code in daemon.run(work))
