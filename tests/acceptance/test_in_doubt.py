"""Effects that a killed kernel leaves in doubt wait for a person, who answers by CLI and HTTP."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest

from .conftest import House
from .test_http import Http

T = TypeVar("T")
#: Remembers one thing, for whose end it may have to ask a person.
WRITER = """
from llmagentos.syscalls.errors import InDoubt

async def main(os, task):
    try:
        print("wrote", (await os.memory.write(task)).text)
    except InDoubt as error:
        print(error)
"""
#: What a person says has been written.
RESULT = {
    "id": 7, "tier": "semantic", "text": "by hand", "written": 1.0, "recalled": None,
    "importance": 0.5, "strength": 0.5, "source": "a person",
}  # fmt: skip


def kill(house: House, process: str | None = None, number: int = signal.SIGKILL) -> None:
    """Send a signal to one of the house's processes, its kernel by default."""
    found = house.status() if process is None else house.aos("inspect", process, "--json").json()
    os.kill(int(found["os_pid"]), number)


def until(look: Callable[[], T | None]) -> T:
    """Look until there is something."""
    for _ in range(1000):
        if (found := look()) is not None:
            return found
    raise AssertionError("it has not come about")


def asked(house: House, count: int) -> dict[int, Any]:
    """Wait until so many calls wait for a person; return them by their process."""

    def look() -> dict[int, Any] | None:
        found = house.aos("approvals", "--json", check=False)
        waiting = found.json() if found.code == 0 else []
        return {one["pid"]: one for one in waiting} if len(waiting) == count else None

    return until(look)


def blocked(house: House, pid: str) -> bool | None:
    """Whether an agent waits for what it writes; None where it does not yet."""
    waits = house.aos("inspect", pid, "--json").json()["waiting_for"]
    return True if waits == ["memory.write"] else None


@pytest.mark.slow
def test_effects_in_doubt_are_repeated_or_not_as_a_person_says(
    make_house: Callable[..., House],
) -> None:
    house = make_house(LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    house.aos("start")
    house.when_ready()
    program = house.program("writer.py", WRITER)
    # What does not run has certainly done nothing.
    kill(house, "memory", signal.SIGSTOP)
    pids = []
    for task in ("bread", "milk", "salt"):
        run = house.aos("run", "-d", "--durable", "--in-doubt", "ask", program, "--task", task)
        pids.append(int(run.out))
        until(partial(blocked, house, run.out.strip()))
    kill(house)
    before = asked(house, 3)
    # A kernel that dies over the question asks again, and so does an agent's next life.
    kill(house)
    after = asked(house, 3)
    again, done, denied = (after[pid] for pid in pids)
    assert all(after[pid]["in_doubt"] == one["in_doubt"] for pid, one in before.items())
    # An answer that comes too late finds no other call.
    assert not {one["id"] for one in before.values()} & {one["id"] for one in after.values()}
    assert again["arguments"]["text"] == "bread" and again["expires"] - again["asked"] > 86_000
    shown = house.aos("approvals").out
    assert "is in doubt about memory.write" in shown and "then it ends in EINDOUBT" in shown
    kill(house, str(pids[0]))
    old = again["id"]
    again = until(lambda: one if (one := asked(house, 3)[pids[0]])["id"] != old else None)

    house.when_ready()
    wrong = house.aos("approve", str(done["id"]), "--result", '{"text": 1}', check=False)
    assert wrong.code == 1 and "EINVAL: result" in wrong.err
    house.aos("approve", str(done["id"]), "--result", json.dumps(RESULT))
    house.aos("approve", str(again["id"]))
    token = house.aos("token", "create", "t", "--cap", "approval.*", "--cap", "memory.*").out
    http = Http(house.status()["url"], token.strip())
    said = {"id": denied["id"], "allow": False, "reason": "look first"}
    assert http.post("approval.answer", {**said, "done": True})[0] == 422
    assert http.post("approval.answer", said)[0] == 200
    lines = []
    for pid in map(str, pids):
        assert house.aos("wait", pid).out.strip() == "0"
        lines.append(house.aos("logs", pid).out.strip())
    assert "it wrote the same" in house.aos("replay", str(pids[1])).err
    assert lines[:2] == ["wrote bread", "wrote by hand"]
    assert lines[2].startswith("EINDOUBT: ") and lines[2].endswith("was denied: look first")
    found = house.aos("memory", "recall", "--json", "bread milk salt by hand").out
    assert "bread" in found and "milk" not in found and "salt" not in found
    audit = house.aos("audit", "--capability", "memory.write").out
    assert ", once more" in audit and ", as done before" in audit


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--in-doubt", "ask"], "only a durable process"), (["--in-doubt", "x"], "'error', 'ask'")],
)
def test_question_that_nobody_could_be_asked_is_refused(
    house: House, arguments: list[str], reason: str
) -> None:
    refused = house.aos("run", *arguments, house.program("writer.py", WRITER), check=False)
    assert refused.code != 0 and reason in refused.err
