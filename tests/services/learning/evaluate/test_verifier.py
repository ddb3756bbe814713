"""Verifiers: what an agent's work was worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmagentos.services.learning.evaluate.suite import Case, Expected
from llmagentos.services.learning.evaluate.verifier import Result, find
from llmagentos.syscalls.errors import InvalidArgument

CASE = Case(
    id="a",
    task="Store 7 as total.",
    expect=Expected(answer="Stored 7 as total.", memory={"total": "7"}, files={}),
)
DONE = Result(answer="Stored 7 as total.", memory={"total": "7"}, files={}, exit_code=0)


@pytest.mark.parametrize("name", ["answer", "contains", "state", "goal"])
def test_what_was_expected_is_worth_one(tmp_path: Path, name: str) -> None:
    assert find(name, tmp_path)(CASE, DONE) == 1.0


@pytest.mark.parametrize(
    ("result", "worth"),
    [
        (replace(DONE, answer="Done."), {"answer": 0, "contains": 0, "state": 1, "goal": 0}),
        (
            replace(DONE, answer="I have stored 7 as total. Stored 7 as total."),
            {"answer": 0, "contains": 1, "state": 1, "goal": 0},
        ),
        (replace(DONE, memory={}), {"answer": 1, "contains": 1, "state": 0, "goal": 0}),
        (replace(DONE, memory=None), {"answer": 1, "state": 0, "goal": 0}),
        (replace(DONE, files={"x": "y"}), {"answer": 1, "state": 0, "goal": 0}),
        (replace(DONE, exit_code=137), {"state": 0, "goal": 0}),
        (replace(DONE, answer=None), {"answer": 0, "contains": 0, "goal": 0}),
    ],
)
def test_answer_and_state_count_apart(
    tmp_path: Path, result: Result, worth: dict[str, float]
) -> None:
    assert {name: find(name, tmp_path)(CASE, result) for name in worth} == worth


def test_a_state_that_is_not_expected_does_not_matter(tmp_path: Path) -> None:
    case = CASE.model_copy(update={"expect": Expected(answer=DONE.answer)})
    assert find("goal", tmp_path)(case, replace(DONE, memory={"other": "1"})) == 1.0


def test_a_program_of_ones_own_judges(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def short(case, result):\n    return 1 / len(result['answer'] or case['task'])\n"
    )
    assert find("mine.py:short", tmp_path)(CASE, DONE) == pytest.approx(1 / 18)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("goals", "none of answer, contains, goal, state"),
        ("none.py:f", "No such file"),
        ("broken.py:f", "SyntaxError"),
        ("mine.py:missing", "no function 'missing'"),
    ],
)
def test_a_verifier_that_is_not_there_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "mine.py").write_text("x = 1\n")
    with pytest.raises(InvalidArgument, match=said):
        find(name, tmp_path)


@pytest.mark.parametrize("body", ["raise ValueError('no')", "return float('nan')", "return 'x'"])
def test_a_verifier_that_fails_is_named_with_the_task(tmp_path: Path, body: str) -> None:
    (tmp_path / "mine.py").write_text(f"def f(case, result):\n    {body}\n")
    with pytest.raises(InvalidArgument, match=r"mine\.py:f on the task a"):
        find("mine.py:f", tmp_path)(CASE, DONE)
