"""Tasks, the expert, and the suites."""

from __future__ import annotations

import random

import pytest

from llmagentos.services.learning.embedded.mix import BULK, HELDOUT_PAIRS, POLISH, Mix
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


@pytest.mark.parametrize("mix", [BULK, POLISH])
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
