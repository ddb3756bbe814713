"""The calculator against Python's own arithmetic, and against the world that models learn in."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.tools.arithmetic import evaluate
from llmagentos.services.learning.embedded.world import evaluate as learnt

NUMBERS = st.integers(0, 10**6).map(str) | st.floats(0, 1e6).map(lambda x: f"{x:.3f}")
PLAIN = st.recursive(
    NUMBERS,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join).map("({})".format)
        | inner.map("-{}".format)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(PLAIN)
def test_it_agrees_with_the_world_of_the_training(expression: str) -> None:
    assert evaluate(expression) == learnt(expression)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(-999, 999)), max_size=6))
def test_integers_are_exact(steps: list[tuple[str, int]]) -> None:
    expression = "7"
    for operator, number in steps:
        expression = f"({expression} {operator} ({number}))"
    assert Fraction(evaluate(expression)) == Fraction(eval(expression))


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(-(10**6), 10**6).filter(bool))
def test_floors_and_rests_fit_together(number: int, by: int) -> None:
    floor, rest = evaluate(f"({number}) // ({by})"), evaluate(f"({number}) % ({by})")
    assert int(floor) * by + int(rest) == number


@settings(deadline=None)
@given(st.text(max_size=40) | st.text("0123456789.+-*/%() ", max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    assert evaluate(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("37*12", "444"), ("7/2", "3.5"), ("6/2", "3"), ("-(2+3)", "-5"), (" 0.1 + 0.2 ", "0.3"),
        ("2**10", "1024"), ("7//2", "3"), ("7%4", "3"), ("1**9999", "1"), ("2**-1", "0.5"),
        ("1/0", "error: division by zero"), ("1%0", "error: division by zero"),
        ("0**-1", "error: division by zero"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(expression: str, value: str) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "x", "1 +", "__import__('os')", "(1).real", "[1]", "True", "2j", "'a'*9", "1 if 1 else 2",
     "(-8)**0.5", "1<2", "\0", "\ud800", "(" * 400],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    assert evaluate(expression) == "error: not an arithmetic expression"


@pytest.mark.parametrize(
    "expression", ["9**9**9", "9**9**9**9", "10**2000", "2.0**99999", "1e308*10",
     "(2**3000)*(2**3000)"],
)  # fmt: skip
def test_a_number_that_nobody_would_read_is_not_computed(expression: str) -> None:
    assert evaluate(expression) == "error: the number is too large"


def test_an_expression_has_a_length() -> None:
    assert evaluate("1+" * 600 + "1") == "error: the expression is too long"
    assert len(evaluate("10**900")) == 901
