from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from llmagentos.services.runtime.manifest import Limits, Manifest, Planning
from llmagentos.services.runtime.planned import PlanFailed, planned
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.plan import PlanInfo


class Planner:
    """Notes what it is asked for and gives what it was made with."""

    def __init__(self, **fields: Any) -> None:
        self.plan = self
        self.asked: dict[str, Any] = {}
        known = {
            "id": 3, "pid": 7, "task": "task", "strategy": "beam", "state": "succeeded",
            "started": 0.0, "ended": 1.0, "answer": "42", "sources": ["a.pdf, page 1"],
        }  # fmt: skip
        self._plan = PlanInfo(**{**known, **fields})

    async def solve(self, task: str, **how: Any) -> PlanInfo:
        self.asked = {"task": task, **how}
        return self._plan


def ask(planner: Planner, **settings: Any) -> tuple[str, list[str]]:
    return asyncio.run(planned(cast(OS, planner), Manifest(**settings), "task"))


def test_answer_and_sources_are_the_plans() -> None:
    assert ask(Planner()) == ("42", ["a.pdf, page 1"])


def test_what_the_manifest_says_reaches_the_planner() -> None:
    planner = Planner()
    ask(
        planner,
        tools=["a_*"],
        instructions="Be brief.",
        plan=Planning(candidates=6, rounds=3, strategy="mcts", background=False),
        limits=Limits(steps=200, reply_tokens=9),
    )
    assert planner.asked == {
        "task": "task", "instructions": "Be brief.", "tools": ["a_*"], "strategy": "mcts",
        "candidates": 6, "temperature": 0.8, "steps": 64, "rounds": 3, "reply_tokens": 16,
        "background": False,
    }  # fmt: skip


def test_plan_without_an_answer_is_a_failure_with_its_reason() -> None:
    with pytest.raises(PlanFailed, match="plan 3: no answer within 3 rounds"):
        ask(Planner(state="failed", answer=None, reason="no answer within 3 rounds"))
