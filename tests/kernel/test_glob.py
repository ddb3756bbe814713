"""Patterns with stars."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.glob import matches, overlap

TEXTS = st.text("ab*", max_size=7)


def reference(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


@given(TEXTS, st.text("ab", max_size=9))
def test_matching_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (reference(pattern).fullmatch(text) is not None)


@given(TEXTS, TEXTS)
def test_overlap_finds_a_text_of_both_wherever_there_is_one(one: str, other: str) -> None:
    # A text of both needs no more characters than the two patterns have between them.
    def texts(left: int) -> list[str]:
        return [""] if left == 0 else ["", *(c + rest for c in "ab" for rest in texts(left - 1))]

    room = len(one.replace("*", "")) + len(other.replace("*", ""))
    if room <= 6:
        common = any(matches(one, text) and matches(other, text) for text in texts(room))
        assert overlap(one, other) == common
    assert overlap(one, other) == overlap(other, one)


def test_many_stars_take_no_longer_than_the_text_is() -> None:
    assert not matches("*a" * 200 + "b", "a" * 100_000)


@pytest.mark.parametrize(("one", "other"), [("memory.*", "*.put"), ("*", ""), ("a*c", "ab*")])
def test_patterns_that_overlap(one: str, other: str) -> None:
    assert overlap(one, other)


@pytest.mark.parametrize(("one", "other"), [("memory.*", "memroy.*"), ("a", "b"), ("a*c", "b*")])
def test_patterns_that_do_not(one: str, other: str) -> None:
    assert not overlap(one, other)
