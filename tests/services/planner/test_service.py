"""The planner, whole, over a model that follows a script."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.planner.service import Planner
from llmagentos.syscalls.errors import (
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)
from llmagentos.syscalls.plan import PlanInfo
from llmagentos.syscalls.server import serving
from llmagentos.syscalls.tool import ToolResult

from .stage import Script, Stage, System


def follow(table: dict[tuple[str, ...], Any]) -> Script:
    return lambda held: table[held]


#: The greedy beginning is a likely one with an unlikely end; the other is what was meant.
GARDEN = follow({
    (): [([("look", "a")], 0.6), ([("look", "b")], 0.4)],
    ("look a", "a"): [("odd", 0.01)],
    ("look b", "b"): [("right", 0.9)],
})  # fmt: skip


def solve(folder: Path, system: System, **how: Any) -> PlanInfo:
    stage = Stage(folder, system)
    plan = stage.run(lambda planner: planner.solve("task", **{"background": False, **how}))
    assert system.contexts_open == {}
    return plan


def test_likeliest_whole_sequence_is_done_and_not_the_likeliest_beginning(tmp_path: Path) -> None:
    plan = solve(tmp_path, System(GARDEN))
    assert (plan.state, plan.answer) == ("succeeded", "right")
    (round_,) = plan.decisions
    chosen = round_.candidates[round_.chosen]
    assert chosen.logprob == pytest.approx(math.log(0.4) + math.log(0.9))
    assert (chosen.tokens, chosen.score) == (8, pytest.approx(chosen.logprob / 8))
    assert [step.result for step in round_.taken] == ["b"]
    assert {one.answer for one in round_.candidates} == {"odd", "right"}


def test_single_candidate_is_the_greedy_sequence(tmp_path: Path) -> None:
    plan = solve(tmp_path, System(GARDEN), candidates=1)
    assert plan.answer == "odd"


@pytest.mark.parametrize("strategy", ["best-of-k", "beam", "mcts", "sampled"])
def test_every_strategy_of_the_house_comes_to_an_answer(tmp_path: Path, strategy: str) -> None:
    plan = solve(tmp_path, System(GARDEN), strategy=strategy)
    assert plan.state == "succeeded"
    if strategy != "sampled":
        assert plan.answer == "right"


def test_what_was_looked_up_is_not_called_again_when_it_is_done(tmp_path: Path) -> None:
    system = System(GARDEN)
    solve(tmp_path, system)
    assert sorted(system.called) == [("look", "a"), ("look", "b")]


def test_nothing_with_an_effect_happens_before_it_was_chosen(tmp_path: Path) -> None:
    system = System(follow({
        (): [([("write", "a")], 0.3), ([("write", "b")], 0.7)],
        ("write b", "b"): [("done", 0.9)],
    }))  # fmt: skip
    plan = solve(tmp_path, system)
    assert system.called == [("write", "b")]
    assert [one.cause for one in plan.decisions] == ["start", "next"]


def test_failed_call_is_seen_thought_of_anew_and_not_made_again(tmp_path: Path) -> None:
    system = System(follow({
        (): [([("write", "a")], 0.9)],
        ("write a", "error: full"): [([("write", "a")], 0.8), ([("write", "b")], 0.2)],
        ("write a", "error: full", "write b", "b"): [("done", 0.9)],
    }))  # fmt: skip
    system.says["write", "a"] = ToolResult(text="error: full", failed=True)
    plan = solve(tmp_path, system)
    assert [one.cause for one in plan.decisions] == ["start", "failure", "next"]
    assert system.called == [("write", "a"), ("write", "b")] and plan.answer == "done"
    assert plan.decisions[0].taken[0].failed


@pytest.mark.parametrize("code", ["EPERM", "ETIMEDOUT"])
def test_refused_call_is_a_failure_that_the_model_reads(tmp_path: Path, code: str) -> None:
    from llmagentos.syscalls.errors import BY_CODE

    system = System(lambda held: [("sorry", 0.9)] if held else [([("write", "a")], 0.9)])
    system.says["write", "a"] = BY_CODE[code]("no")
    plan = solve(tmp_path, system)
    assert plan.answer == "sorry"
    assert plan.decisions[0].taken[0].result == f"error: {code}: no"


def test_usual_result_is_imagined_and_another_one_is_a_surprise(tmp_path: Path) -> None:
    table = {
        (): [([("write", "a")], 0.9)],
        ("write a", "ok"): [("fine", 0.9)],
        ("write a", "full"): [("it was full", 0.9)],
    }
    system, stage = System(follow(table)), None
    system.says["write", "a"] = ToolResult(text="ok")
    stage = Stage(tmp_path, system)

    async def thrice(planner: Planner) -> list[PlanInfo]:
        plans = [await planner.solve("task", background=False) for _ in range(3)]
        system.says["write", "a"] = ToolResult(text="full")
        return [*plans, await planner.solve("task", background=False)]

    first, _, third, last = stage.run(thrice)
    assert [one.cause for one in first.decisions] == ["start", "next"]
    assert first.decisions[0].candidates[0].steps[0].expected is None
    # By now it is known what the tool says each time.
    assert [one.cause for one in third.decisions] == ["start"] and third.answer == "fine"
    assert [one.cause for one in last.decisions] == ["start", "surprise"]
    assert last.answer == "it was full"


def test_budget_of_rounds_ends_a_plan_cleanly(tmp_path: Path) -> None:
    system = System(lambda held: [([("write", str(len(held)))], 0.9)])
    plan = solve(tmp_path, system, rounds=3)
    assert (plan.state, plan.answer) == ("failed", None)
    assert plan.reason == "no answer within 3 rounds" and plan.ended is not None
    assert len(system.called) == 3


def test_budget_of_steps_ends_a_plan_cleanly(tmp_path: Path) -> None:
    system = System(lambda held: [([("look", str(len(held))), ("look", "b")], 0.9)])
    plan = solve(tmp_path, system, steps=3)
    assert plan.reason == "no answer within 3 steps"
    assert len(plan.decisions[0].taken) == 3


def test_spent_budget_amid_a_plan_ends_it_as_failed(tmp_path: Path) -> None:
    system = System(GARDEN)

    def spent(held: tuple[str, ...]) -> Any:
        raise QuotaExceeded("no tokens are left")

    system.script = lambda held: GARDEN(held) if not held else spent(held)
    plan = solve(tmp_path, system)
    assert (plan.state, plan.reason) == ("failed", "EDQUOT: no tokens are left")


def test_error_of_the_model_is_raised_and_the_plan_has_failed(tmp_path: Path) -> None:
    def broken(held: tuple[str, ...]) -> Any:
        raise PermissionDenied("no capability for model.generate")

    stage = Stage(tmp_path, System(broken))

    async def work(planner: Planner) -> PlanInfo:
        with pytest.raises(PermissionDenied):
            await planner.solve("task", background=False)
        return (await planner.ls())[0]

    plan = stage.run(work)
    assert plan.state == "failed" and "EPERM" in (plan.reason or "")
    assert stage.system.contexts_open == {}


def test_caller_without_the_right_to_open_a_context_is_told_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    system = System(GARDEN)
    system.failing = PermissionDenied("no capability for model.open")
    stage = Stage(tmp_path, system)

    async def work(planner: Planner) -> list[PlanInfo]:
        with pytest.raises(PermissionDenied, match=r"model\.open"):
            await planner.solve("task", background=False)
        return await planner.ls()

    assert stage.run(work) == []


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"strategy": "magic"}, NotFound, "there is beam, best-of-k"),
        ({"tools": []}, InvalidArgument, "needs tools"),
        ({"tools": ["nothing_*"]}, InvalidArgument, "nothing_"),
    ],
)
def test_wrong_order_is_refused_before_anything_is_opened(
    tmp_path: Path, how: Any, error: type[LLMAgentOSError], words: str
) -> None:
    system = System(GARDEN)
    with pytest.raises(error, match=words):
        solve(tmp_path, system, **how)
    assert system.drawn == []


def test_model_without_contexts_answers_unscored_by_the_most_frequent_sequence(
    tmp_path: Path,
) -> None:
    script = follow({
        (): [([("look", "a")], 0.5), ([("look", "b")], 0.5), ([("look", "b")], 0.5)],
        ("look a", "a"): [("odd", 0.5)],
        ("look b", "b"): [("right", 0.5)],
    })  # fmt: skip
    plan = solve(tmp_path, System(script, forks=False), candidates=3)
    assert (plan.answer, plan.scored, plan.score) == ("right", False, None)
    assert {one.score for one in plan.decisions[0].candidates} == {None}


def test_plan_at_work_can_be_looked_at_and_ends_with_its_callers_call(tmp_path: Path) -> None:
    system = System(GARDEN)
    stage = Stage(tmp_path, system)

    async def work(planner: Planner) -> tuple[str, PlanInfo]:
        system.hold = asyncio.Event()
        task = asyncio.create_task(planner.solve("task", background=False))  # type: ignore[arg-type]
        await system.waiting.wait()
        seen = (await planner.ls())[0]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen.state, await planner.show(seen.id)

    state, plan = stage.run(work)
    assert state == "running"
    assert (plan.state, plan.reason) == ("failed", "its call was taken back")
    assert system.contexts_open == {}


def test_contexts_that_could_not_be_closed_are_closed_when_their_owner_plans_again(
    tmp_path: Path,
) -> None:
    system = System(GARDEN)
    stage = Stage(tmp_path, system)
    close = system.close

    async def refused(context: int) -> None:
        raise PermissionDenied("no call that is being served")

    async def work(planner: Planner) -> int:
        system.close = refused  # type: ignore[method-assign]
        with pytest.raises(PermissionDenied):
            await planner.solve("task", background=False)
        left = len(system.contexts_open)
        system.close = close  # type: ignore[method-assign]
        await planner.solve("task", background=False)
        return left

    assert stage.run(work) > 0
    assert system.contexts_open == {}


def test_plan_ends_before_its_deadline(tmp_path: Path) -> None:
    system = System(GARDEN)
    stage = Stage(tmp_path, system)
    stage.caller = replace(stage.caller, deadline=0.05)

    async def work(planner: Planner) -> PlanInfo:
        system.hold = asyncio.Event()
        return await planner.solve("task", background=False)

    plan = stage.run(work)
    assert plan.reason == "no answer within 0.05 s" and system.contexts_open == {}


def test_plans_are_their_principals_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, System(GARDEN))

    async def work(planner: Planner) -> None:
        plan = await planner.solve("task", background=False)
        assert await planner.show(plan.id) == plan
        assert [one.decisions for one in await planner.ls()] == [[]]
        with serving(replace(stage.caller, principal="bob")):
            assert await planner.ls() == []
            for call in (planner.show(plan.id), planner.judge(plan.id, True), planner.page(5)):
                with pytest.raises(NotFound):
                    await call

    stage.run(work)


def test_outcomes_give_confidence_once_there_are_enough(tmp_path: Path) -> None:
    stage = Stage(tmp_path, System(GARDEN))

    async def work(planner: Planner) -> tuple[PlanInfo, PlanInfo]:
        for number in range(20):
            plan = await planner.solve("task", background=False)
            await planner.judge(plan.id, success=number % 4 > 0)
        before, after = plan, await planner.solve("task", background=False)
        told = await planner.calibration()
        assert (told.outcomes, told.predicted, told.ece) == (20, 0, None)
        return before, after

    before, after = stage.run(work)
    assert before.confidence is None
    assert after.confidence == pytest.approx(0.75, abs=0.05)
    assert after.decisions[0].candidates[0].confidence is not None


def test_answer_names_the_sources_of_the_steps_that_did_not_fail(tmp_path: Path) -> None:
    system = System(lambda held: [("so it is", 0.9)] if held else [([("look", "a")], 0.9)])
    system.says["look", "a"] = ToolResult(text="a", sources=["report.pdf, page 3", "http://a.b"])
    assert solve(tmp_path, system).sources == ["report.pdf, page 3", "http://a.b"]


def test_broken_strategy_is_named_and_leaves_no_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def plan(self, mind: Any, aim: Any) -> Any:
            await mind.expand(mind.root, 2)
            raise ZeroDivisionError("oops")

    system = System(GARDEN)
    stage = Stage(tmp_path, system)

    async def work(planner: Planner) -> PlanInfo:
        monkeypatch.setattr(planner._registry, "make", lambda name: Broken())
        with pytest.raises(ZeroDivisionError):
            await planner.solve("task", background=False)
        return (await planner.ls())[0]

    assert "ZeroDivisionError: oops" in (stage.run(work).reason or "")
    assert system.contexts_open == {}
