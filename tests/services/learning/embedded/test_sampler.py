"""Tasks, the expert, and the suites."""

from __future__ import annotations

import random

import pytest

from llmagentos.services.learning.embedded.mix import BULK, HELDOUT_PAIRS, POLISH, SCHOOLING, Mix
from llmagentos.services.learning.embedded.sampler import Sampler
from llmagentos.services.learning.embedded.suites import SUITES
from llmagentos.services.learning.embedded.tasks import REFUSAL, Task, demonstrate, pairs
from llmagentos.services.learning.embedded.vocabulary import Vocabulary


def drawn(count: int, mix: Mix = POLISH) -> list[Task]:
    found = []
    for seed in range(count):
        rng = random.Random(seed)
        vocabulary = Vocabulary(rng, common=mix.common)
        found.append(Sampler(rng, vocabulary, slips=0.1, mix=mix).task(refuse=mix.refuse))
    return found


@pytest.mark.parametrize("mix", [BULK, POLISH, SCHOOLING])
def test_training_never_has_a_held_out_pair_of_tools(mix: Mix) -> None:
    for task in drawn(1000, mix):
        assert not pairs(task) & (HELDOUT_PAIRS | mix.unseen)


def test_expert_solves_what_is_drawn_and_refuses_what_it_has_no_tool_for() -> None:
    for task in drawn(600):
        shown = demonstrate(task)
        needed = {step.tool for clause in task.clauses for step in clause.steps}
        assert (shown.answer == REFUSAL) == (not needed <= set(task.tools) or not needed) or (
            task.kind in ("greet", "thank", "about", "unknown")
        )
        if shown.answer == REFUSAL:
            assert shown.steps == () and dict(shown.state.memory) == dict(task.memory)


def test_every_argument_that_is_asked_for_stands_in_the_request() -> None:
    for task in drawn(400):
        if task.kind in ("store", "recall", "forget"):
            (clause,) = task.clauses
            key = dict(clause.steps[0].arguments)["key"][0]
            assert str(key) in task.prompt


def test_expert_says_what_is_missing_and_goes_no_further() -> None:
    rng = random.Random(1)
    sampler = Sampler(rng, Vocabulary(rng))
    clause, text = sampler.clause("recall_write")
    sampler.memory.clear()
    task = sampler.assemble([clause], [text], refuse=0.0)
    sampler.memory.clear()
    shown = demonstrate(
        Task(kind=task.kind, prompt=text, clauses=task.clauses, tools=task.tools, memory={},
             files={}, now=task.now)
    )  # fmt: skip
    assert [call.tool for call, _ in shown.steps] == ["memory_get"]
    assert shown.answer.startswith("There is nothing stored under")


@pytest.mark.parametrize("name", SUITES)
def test_suite_is_the_same_for_a_seed_and_different_for_another(name: str) -> None:
    assert SUITES[name](20, 0) == SUITES[name](20, 0)
    assert SUITES[name](20, 0) != SUITES[name](20, 1)


def test_compositions_all_hold_a_pair_that_training_never_has() -> None:
    for task in SUITES["compositions"](60, 0):
        assert pairs(task) & HELDOUT_PAIRS


def test_schooling_asks_documents_and_the_expert_says_what_they_say() -> None:
    tasks = drawn(400, SCHOOLING)
    facts = [task for task in tasks if task.kind == "fact" and task.facts]
    assert len(facts) > 10
    for task in facts:
        shown = demonstrate(task)
        ((call, result),) = shown.steps
        assert call.tool == "knowledge_ask" and call.arguments["pattern"].endswith(" ?x")
        if result == "nothing found":
            assert shown.answer == "I found nothing about that."
        else:
            assert shown.answer.endswith(f" is {result.removeprefix('x = ')}.")
    found = [task for task in tasks if task.kind == "search" and task.passages]
    assert any(demonstrate(task).answer in task.passages for task in found)


def test_a_key_that_is_called_like_an_attribute_is_not_asked_of_documents() -> None:
    for task in drawn(2000, SCHOOLING):
        named = any(
            " of " in part
            for clause in task.clauses
            for step in clause.steps
            for _, parts in step.arguments
            for part in parts
            if isinstance(part, str)
        )
        needed = {step.tool for clause in task.clauses for step in clause.steps}
        if named and "knowledge_ask" not in needed and task.kind != "refuse":
            offered = set(task.tools) & {"knowledge_ask"}
            assert not offered or "knowledge_search" in needed


def test_earlier_parts_of_the_course_offer_no_documents() -> None:
    assert not any("knowledge_ask" in task.tools for task in drawn(500, POLISH))
