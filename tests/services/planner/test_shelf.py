from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmagentos.services.planner.shelf import Shelf
from llmagentos.syscalls.plan import Decision, PlanInfo

PLAN = PlanInfo(
    id=0, pid=7, task="task", strategy="best-of-k", state="running", started=5.0, ended=None,
    answer=None, decisions=[Decision(cause="start", candidates=[], chosen=0)],
)  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "plans.db")
    yield made
    made.close()


def test_plan_is_found_as_it_was_last_put(shelf: Shelf) -> None:
    plan = shelf.begin("ann", PLAN)
    shelf.put("ann", replace(plan, answer="42", state="succeeded", sources=["a, page 1"]))
    found = shelf.get("ann", plan.id)
    assert found == replace(plan, answer="42", state="succeeded", sources=["a, page 1"])
    assert [one.decisions for one in shelf.ls("ann", 10)] == [[]]


def test_nobody_reads_or_writes_anothers_plans(shelf: Shelf) -> None:
    plan = shelf.begin("ann", PLAN)
    shelf.put("bob", replace(plan, answer="mine"))
    assert shelf.get("bob", plan.id) is None and shelf.ls("bob", 10) == []
    found = shelf.get("ann", plan.id)
    assert found is not None and found.answer is None


def test_plan_that_ran_when_the_file_was_closed_has_failed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "plans.db")
    plan = shelf.begin("ann", PLAN)
    shelf.close()
    shelf = Shelf(tmp_path / "plans.db")
    found = shelf.get("ann", plan.id)
    shelf.close()
    assert found is not None and (found.state, found.ended) == ("failed", 5.0)


def test_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "plans.db").write_bytes(b"no database at all, whatever its name says" * 40)
    shelf = Shelf(tmp_path / "plans.db")
    assert shelf.begin("ann", PLAN).id == 1
    shelf.close()
    assert (tmp_path / "plans.db.corrupt-1").read_bytes().startswith(b"no database")


def test_habit_is_what_a_tool_says_each_time(shelf: Shelf) -> None:
    shelf.said("ann", "write", "ok")
    assert shelf.habit("ann", "write") is None
    shelf.said("ann", "write", "ok")
    assert shelf.habit("ann", "write") == "ok"
    assert shelf.habit("bob", "write") is None
    shelf.said("ann", "write", "full")
    assert shelf.habit("ann", "write") is None


def test_only_judged_plans_are_verdicts(shelf: Shelf) -> None:
    first, second = shelf.begin("ann", PLAN), shelf.begin("ann", PLAN)
    shelf.put("ann", replace(first, outcome=True, score=-0.5, model="m", confidence=0.8))
    shelf.put("ann", replace(second, score=-0.1, model="m"))
    [verdict] = shelf.verdicts("ann")
    assert (verdict.success, verdict.score, verdict.confidence) == (True, -0.5, 0.8)
