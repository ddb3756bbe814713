"""What agents have done, read back, judged and learnt from through a running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ROOT, House

LAKE = """
runtime = "learn"
name = "lake"
[job]
kind = "rl"
algorithm = "q"
[world]
id = "FrozenLake-v1"
arguments = { is_slippery = false }
[learning]
episodes = 600
seed = 3
[evaluation]
every = 100
quick = 1
episodes = 5
"""
#: Crosses the lake by the policy, in a world below it, and meets a world that is not there.
SKATER = """
from llmagentos.services.learning.rl.visit import Visit
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os, task):
    async with Visit(os, "FrozenLake-v1", is_slippery=False, render_mode="ansi") as world:
        seen = await world.reset(seed=1)
        assert "FFF" in seen.text
        try:
            await world.act(7)
        except LLMAgentOSError as error:
            print(error.code)
        while not seen.over:
            scores = await os.learning.advise("lake", seen.observation)
            seen = await world.act(int(max(scores, key=scores.get)))
        print("reward", seen.reward)
    async with Visit(os, "Nowhere-v0") as world:
        try:
            await world.reset()
        except LLMAgentOSError as error:
            print(error.code)
"""
#: Spawns a child that praises its parent; praises itself; then praises its child.
FLATTERER = """
import sys
from llmagentos.syscalls.errors import LLMAgentOSError

async def praise(os, pid):
    try:
        await os.learning.reward(pid, 1.0, by="ada")
        print("praised", flush=True)
    except LLMAgentOSError as error:
        print(error.code, flush=True)

async def main(os, task):
    if task:
        await praise(os, int(task))
        return
    me = next(one.pid for one in await os.process.ls() if one.name == "flatterer")
    await praise(os, me)
    child = await os.process.spawn(__file__, task=str(me), name="child")
    await os.process.wait(child)
    async for line in os.process.logs(child):
        print(line.text)
    await praise(os, child)
    for one in await os.learning.trajectories():
        print(one.name, [mark.by for mark in one.rewards])
"""


def test_episode_has_what_the_model_was_asked_and_what_was_done(house: House) -> None:
    clerk = str(ROOT / "examples/clerk.py")
    pid = house.aos("run", "--detach", clerk, "--task", "What is 31 plus 4?").out.strip()
    assert house.aos("wait", pid).out.strip() == "0"
    house.aos("reward", pid, "0.5", "--note", "slow")
    house.aos("reward", pid, "1", "--note", "right")
    told = house.aos("learn", "trajectories", "--pid", pid, "--jsonl", "-").out.splitlines()
    (episode,) = map(json.loads, told)
    assert episode["task"] == "What is 31 plus 4?" and episode["reward"] == 1.0
    assert [mark["note"] for mark in episode["rewards"]] == ["right"]
    asked = [one for one in episode["deeds"] if one["syscall"] == "model.chat"]
    assert asked[0]["state"]["messages"][-1]["content"] == "What is 31 plus 4?"
    assert asked[0]["policy"] and all(one["whole"] for one in asked)
    (called,) = (one for one in episode["deeds"] if one["syscall"] == "tool.call")
    assert (called["subject"], called["result"]["text"]) == ("calculator", "35")


def test_nobody_praises_himself_or_whom_he_works_for(house: House) -> None:
    said = house.aos("run", "--quiet", house.program("flatterer.py", FLATTERER)).out.splitlines()
    assert said[:3] == ["EPERM", "EPERM", "praised"]
    assert said[3:] == ["flatterer []", "child ['verifier ada']"]


def test_policy_is_learnt_asked_and_followed_in_a_world(house: House, tmp_path: Path) -> None:
    job = tmp_path / "lake.toml"
    job.write_text(LAKE)
    learnt = house.aos("learn", "rl", str(job))
    assert "FrozenLake-v1: mean return 1.000" in learnt.out + learnt.err
    card = house.aos("learn", "card", "lake", "--json").json()
    assert card["kind"] == "policy" and card["scores"]["return"] == 1.0
    said = house.aos("run", "--quiet", house.program("skater.py", SKATER)).out.splitlines()
    assert said == ["EINVAL", "reward 1.0", "EINVAL"]
    asked = house.aos("call", "learning.advise", "name=lake", "state=99", check=False)
    assert asked.code == 1 and "16 states" in asked.err


def test_worlds_and_recipes_that_are_wrong_are_one_line(house: House, tmp_path: Path) -> None:
    for old, new, message in (
        ("FrozenLake-v1", "FrozenLuke-v1", "FrozenLuke"),
        ('algorithm = "q"', 'algorithm = "z"', "algorithm is one of q, dqn, reinforce"),
        ("seed = 3", "sede = 3", "[learning] knows no sede"),
        ("is_slippery = false", "depth = 3", "depth"),
    ):
        job = tmp_path / "bad.toml"
        job.write_text(LAKE.replace(old, new))
        ended = house.aos("learn", "rl", str(job), check=False)
        assert ended.code == 1 and message in ended.out + ended.err


@pytest.mark.slow
def test_clerks_learn_from_their_journal_which_tool_comes_next(house: House) -> None:
    said = house.aos(
        "run", "--quiet", str(ROOT / "examples/learn/macro.py"), "--task", "400", timeout=600
    ).out
    share = {
        name: float(line.split()[-2].rstrip("%"))
        for line in said.splitlines()
        for name in ("half by chance", "learnt  ", "learnt, rewards mixed")
        if line.startswith(name)
    }
    assert share["learnt  "] >= 80
    assert max(share["half by chance"], share["learnt, rewards mixed"]) <= 70
