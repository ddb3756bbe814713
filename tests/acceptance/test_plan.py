"""Plans through a running daemon, on the embedded model: from the command line, from a declared
agent, from a program, and what becomes of a plan whose caller goes away or may too little."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import House

TASK = "Store the total of 37 times 12 as budget"
AGENT = """
name = "planner"
tools = ["calculator", "memory_*", "clock"]
strategy = "plan"
[plan]
candidates = 3
background = false
[knowledge]
documents = ["documents/*.md"]
"""
BOUNDED = """
import json
async def main(os, task):
    from llmagentos.syscalls.errors import LLMAgentOSError
    codes = []
    for how in ({"strategy": "magic"}, {"tools": ["nothing_*"]}, {"candidates": 0}):
        try:
            await os.plan.solve("What is 6 times 7?", **how)
            codes.append("none")
        except LLMAgentOSError as error:
            codes.append(error.code)
    print(json.dumps([codes, [one.context for one in await os.model.contexts()]]))
"""
IMPATIENT = """
import asyncio, signal
async def main(os, task):
    plan = asyncio.create_task(os.plan.solve(task, tools=["calculator"], background=False))
    while not (found := await os.plan.ls()) or found[0].state != "running":
        await asyncio.sleep(0)
    print(found[0].id, flush=True)
    signal.raise_signal(signal.SIGKILL)
"""


def script(house: House, name: str, replies: list[object]) -> str:
    path = house.state.parent / name
    path.write_text(json.dumps(replies))
    return f"scripted:{path}"


@pytest.mark.slow
def test_declared_agent_plans_and_its_plan_can_be_looked_at_and_judged(
    own: House, tmp_path: Path
) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/harbour.md").write_text("# Harbour\n\nIt has 14 cranes.\n")
    (tmp_path / "agent.toml").write_text(AGENT)
    ran = own.aos("run", str(tmp_path / "agent.toml"), "--task", TASK, timeout=300)
    assert "Stored 444 as budget." in ran.out.splitlines()
    known = own.aos("call", "knowledge.documents").json()
    assert [one["name"] for one in known] == ["documents/harbour.md"]

    newest = own.aos("plan", "ls", "--json").json()[0]
    assert (newest["state"], newest["task"], newest["decisions"]) == ("succeeded", TASK, [])
    number = str(newest["id"])
    plan = own.aos("plan", "show", number, "--json").json()
    taken = [step["tool"] for one in plan["decisions"] for step in one["taken"]]
    assert taken == ["calculator", "memory_put"]
    first = plan["decisions"][0]
    chosen = first["candidates"][first["chosen"]]
    assert chosen["score"] == pytest.approx(chosen["logprob"] / chosen["tokens"])
    assert chosen["score"] == max(one["score"] for one in first["candidates"])
    assert "memory_put(key='budget', value='444')" in own.aos("plan", "show", number).out

    page = tmp_path / "plan.html"
    own.aos("plan", "show", number, "--html", str(page))
    assert "chosen" in page.read_text() and TASK in page.read_text()
    own.aos("plan", "judge", number, "--success")
    assert own.aos("plan", "calibration", "--json").json()["outcomes"] == 1
    assert own.aos("plan", "show", "10000", check=False).code == 1


@pytest.mark.slow
def test_program_is_told_what_is_wrong_with_its_order_and_keeps_no_context(own: House) -> None:
    ran = own.aos("run", own.program("bounded.py", BOUNDED), timeout=300)
    codes, left = json.loads(ran.out.splitlines()[-1])
    assert codes == ["ENOENT", "EINVAL", "EINVAL"] and left == []


@pytest.mark.slow
def test_caller_without_the_right_to_open_a_context_is_refused(own: House, tmp_path: Path) -> None:
    text = AGENT.replace("[plan]", "capabilities = ['plan.solve', 'tool.ls', 'tool.call']\n[plan]")
    (tmp_path / "agent.toml").write_text(text.partition("[knowledge]")[0])
    ran = own.aos("run", str(tmp_path / "agent.toml"), "--task", TASK, check=False, timeout=300)
    assert ran.code == 1 and "EPERM" in ran.out + ran.err and "model.open" in ran.out + ran.err


@pytest.mark.slow
def test_killed_caller_leaves_a_failed_plan_and_no_context(own: House) -> None:
    program = own.program("impatient.py", IMPATIENT)
    pid = own.aos("run", "-d", program, "--task", TASK).out.strip()
    assert own.aos("wait", pid, check=False).code == 137
    number = own.aos("logs", pid).out.strip()
    plan = own.aos("plan", "show", number, "--json").json()
    assert plan["state"] == "failed" and plan["answer"] is None and plan["reason"]
    holders = own.aos("device", "pages", "--json").json()["holders"]
    assert not [one for one in holders if one["pid"] == int(pid) and one["contexts"]]


@pytest.mark.slow
def test_endpoint_without_contexts_plans_unscored(make_house: Callable[..., House]) -> None:
    house = make_house()
    model = script(house, "script.json", ["The answer is 42."])
    house.environment["LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL"] = model
    house.aos("start")
    house.when_ready()
    plan = house.aos("call", "plan.solve", "task=What?", 'tools=["calculator"]').json()
    assert (plan["state"], plan["answer"]) == ("succeeded", "The answer is 42.")
    assert (plan["scored"], plan["score"]) == (False, None)
    assert "unscored" in house.aos("plan", "show", str(plan["id"])).out
