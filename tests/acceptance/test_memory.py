"""Memory as agents and people use it: in a daemon, through the SDK, the command line and HTTP."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import House

AGENT = """
import json
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os, task):
    await os.memory.write("The mill in the north has three pumps", source="a visit", importance=0.8)
    await os.memory.write("Ann pays on Fridays", tier="episodic", importance=0.9)
    for _ in range(2):
        await os.tool.call("calculator", {"expression": "6*7"})
    await os.memory.put("plan", "buy a pump", "own")
    await os.memory.write("the pump costs 900", namespace="own")
    await os.memory.think("find out about pumps", pinned=True)
    for number in range(150):
        mind = await os.memory.think(f"looked at pump {number}: " + "nothing new " * 12)
    found = await os.memory.recall("how many pumps has the mill?")
    done = await os.memory.consolidate()
    errors = []
    for wrong in (
        os.memory.write(" "), os.memory.recall("x", limit=0), os.memory.write("x", importance=2.0),
        os.memory.write("x", namespace="shared/"), os.memory.recall("x", namespace="nobody's"),
        os.memory.recall("x", namespace="shared/nobodys"), os.memory.mind(10**6),
        os.memory.compact(0), os.memory.think("word " * 19_000), os.memory.forget(["x"]),
        os.memory.decay(0.0), os.memory.recall("x", tiers=["nonsense"]),
    ):
        try:
            await wrong
            errors.append("none")
        except LLMAgentOSError as error:
            errors.append(error.code)
    child = await os.process.spawn(task)
    await os.process.wait(child)
    print(json.dumps([
        found[0].text, [mind.tokens <= mind.capacity, mind.thoughts[0].text, len(mind.thoughts)],
        [done.episodes, done.added], errors,
    ]))
"""
CHILD = """
import json

async def main(os, task):
    item = await os.memory.get("plan", "own")
    found = await os.memory.recall("what does the pump cost?", namespace="own")
    await os.memory.put("plan", "the child's", "own")
    print(json.dumps([item.value, found[0].text]))
"""


WAITS = """
import asyncio

async def main(os, task):
    async with asyncio.timeout(60):
        while not await os.memory.recall("vehicle trouble"):
            await asyncio.sleep(0.5)
"""


def said(house: House, pid: str) -> Any:
    return json.loads(house.aos("logs", pid).out.splitlines()[-1])


def test_an_agent_remembers_in_all_tiers(house: House) -> None:
    child = house.program("child_of_memory.py", CHILD)
    ran = house.aos("run", house.program("rememberer.py", AGENT), "--task", child)
    found, (fits, first, held), (episodes, added), errors = json.loads(ran.out.splitlines()[-1])
    assert found == "The mill in the north has three pumps"
    assert fits and first == "find out about pumps" and 2 < held < 152
    # The calculator's two calls are one episode that repeats; Ann's is one that matters.
    assert episodes >= 2 and added >= 2
    assert errors == [
        "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EPERM", "ENOENT", "EDQUOT", "EDQUOT",
        "EINVAL", "EINVAL", "EINVAL",
    ]  # fmt: skip
    rows = house.aos("ps", "-a", "--json").json()
    (pid,) = [str(row["pid"]) for row in rows if row["name"].startswith("child_of_memory")]
    assert said(house, pid) == ["buy a pump", "the pump costs 900"]


@pytest.mark.slow
def test_a_person_looks_at_what_is_remembered_and_clears_it_up(house: House) -> None:
    place = ("--in", "shared/cellar")
    first = house.aos("memory", "write", *place, "The cellar door is open").out.strip()
    second = house.aos("memory", "write", *place, "--source", "Ann", "The cellar door is shut")
    house.aos("memory", "write", *place, "--tier", "episodic", "went to the cellar")
    recalled = house.aos("memory", "recall", *place, "--json", "cellar", "door").json()
    assert {one["text"] for one in recalled[:2]} == {
        "The cellar door is open",
        "The cellar door is shut",
    }
    shown = house.aos("memory", "recall", *place, "--tier", "episodic")
    assert "went to the cellar" in shown.out and "door" not in shown.out
    audit = house.aos("memory", "audit", *place, "--json", check=False)
    assert audit.code == 1
    (finding,) = audit.json()["findings"]
    assert finding["kind"] == "contradiction"
    assert finding["ids"] == [int(first), int(second.out)]
    assert house.aos("memory", "forget", *place, second.out.strip()).out == "1 forgotten\n"
    assert house.aos("memory", "forget", *place, second.out.strip(), check=False).code == 1
    assert house.aos("memory", "audit", *place).code == 0
    assert house.aos("memory", "decay", *place, "--below", "0.9").out == "2 forgotten\n"
    house.aos("call", "memory.put", "key=cellar/key", "value=under the mat")
    assert "under the mat" in house.aos("memory", "ls", "cellar/").out
    assert "under the mat" in house.aos("memory", "search", "mat").out
    assert "ENOENT" in house.aos("memory", "mind", "nobody", check=False).err
    assert "EINVAL" in house.aos("memory", "recall", "--in", "shared/", check=False).err
    done = house.aos("memory", "consolidate", "--json").json()
    assert set(done) == {"episodes", "added", "strengthened", "dropped"}


def test_a_memory_outlives_a_driver_that_is_killed(house: House) -> None:
    house.aos("memory", "write", "--in", "shared/lasting", "what lasts")
    (driver,) = [row for row in house.aos("service", "--json").json() if row["name"] == "memory"]
    os.kill(house.aos("inspect", "--json", str(driver["pid"])).json()["os_pid"], signal.SIGKILL)
    recalled = house.aos("memory", "recall", "--in", "shared/lasting", "--json", "lasts").json()
    assert [one["text"] for one in recalled] == ["what lasts"]
    house.when_ready()


@pytest.mark.slow
def test_what_means_the_same_is_recalled_and_what_was_there_before_is_too(
    make_house: Callable[..., House], minilm: Path
) -> None:
    house = make_house()
    house.aos("start")
    house.when_ready()
    house.aos("memory", "write", "The car will not start in the morning")
    house.aos("memory", "write", "The bakery opens at six")
    assert house.aos("memory", "recall", "--json", "vehicle trouble").json() == []
    # One that comes is noticed within seconds, and what was written before is embedded then.
    house.aos("model", "add", f"hf:{minilm}", timeout=120)
    house.aos("run", house.program("waits.py", WAITS), timeout=120)
    found = house.aos("memory", "recall", "--json", "vehicle trouble").json()
    assert [one["text"] for one in found] == [
        "The car will not start in the morning",
        "The bakery opens at six",
    ]
