"""Contexts as a program uses them, on the embedded model, and what becomes of a program's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import House

BRANCHES = """
async def main(os, task):
    from llmagentos.syscalls.errors import LLMAgentOSError
    trunk = await os.model.open(messages=[{"role": "user", "content": "What is 6 times 7?"}])
    one, two = await os.model.fork(trunk.context, 2)
    await os.model.append(one.context, text="I have no")
    said = [(await os.model.generate(each.context, max_tokens=12)).content for each in (one, two)]
    scores = await os.model.score(["I have no tool for that.", "zzzz"], context=trunk.context)
    vectors = await os.model.embed(["What is 6 times 7?", "What is 6 times 8?", "List my files"])
    near = [sum(a * b for a, b in zip(vectors.vectors[0], other)) for other in vectors.vectors]
    held = [row.tokens for row in await os.model.contexts()]
    await os.model.close(two.context)
    errors = []
    for wrong in (
        os.model.generate(two.context), os.model.fork(10**6), os.model.close(two.context),
        os.model.generate(one.context, temperature=9.0), os.model.generate(one.context, top_p=0.0),
        os.model.generate(one.context, grammar={"regex": "("}),
        os.model.generate(one.context, grammar={"json_schema": {"type": "nonsense"}}),
        os.model.open(text="word " * 60000), os.model.chat([], max_tokens=5, model="nobody"),
    ):
        try:
            await wrong
            errors.append("none")
        except LLMAgentOSError as error:
            errors.append(error.code)
    import json
    print(json.dumps([said, [s.logprob for s in scores.scores], near, held, errors]))
"""
HOLDER = """
import asyncio

async def main(os, task):
    made = await os.model.open(text="a text that lies there " * 20)
    print(made.context, flush=True)
    await asyncio.Event().wait()
"""


def holders(house: House) -> dict[int, Any]:
    found = house.aos("device", "pages", "--json").json()
    return {one["pid"]: one for one in found["holders"]}


def test_a_program_branches_scores_and_is_told_what_it_does_wrong(own: House) -> None:
    ran = own.aos("run", own.program("branches.py", BRANCHES))
    said, scores, near, held, errors = json.loads(ran.out.splitlines()[-1])
    assert said == [" tool for that.", "I have no tool for that."]
    assert scores[0] > scores[1]
    assert near[0] == pytest.approx(1) and near[1] > near[2]
    assert len(held) == 3 and min(held[1:]) > held[0]
    assert errors == [
        "ENOENT", "ENOENT", "ENOENT", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ENOENT",
    ]  # fmt: skip


def test_contexts_are_their_owners_and_go_with_it(own: House) -> None:
    pid = own.aos("run", "-d", own.program("holder.py", HOLDER)).out.strip()
    context = own.first_line(pid)
    mine = holders(own)[int(pid)]
    assert mine["contexts"] == 1 and mine["pages"] >= 5
    foreign = own.aos("call", "model.generate", f"context={context}", check=False)
    assert foreign.code != 0 and "ENOENT" in foreign.err
    own.aos("kill", pid)
    own.aos("wait", pid, check=False)
    assert holders(own).get(int(pid), {"contexts": 0})["contexts"] == 0


def test_a_suspended_program_is_swapped_out_and_goes_on_with_the_same_words(own: House) -> None:
    pid = own.aos("run", "-d", own.program("holder.py", HOLDER)).out.strip()
    own.first_line(pid)
    own.aos("suspend", pid)
    held = holders(own)[int(pid)]
    assert held["state"] == "suspended" and held["swapped"] > 0 and held["pages"] == held["shared"]
    own.aos("resume", pid)
    assert holders(own)[int(pid)]["state"] != "suspended"
    own.aos("kill", pid)
