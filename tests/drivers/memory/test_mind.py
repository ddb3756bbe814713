"""Which thoughts stay in mind: never too many, the pinned ones always, each in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.memory.mind import QUOTED, chosen, line, replaced
from llmagentos.syscalls.errors import QuotaExceeded
from llmagentos.syscalls.memory import Thought

THOUGHTS = st.lists(
    st.tuples(st.integers(1, 30), st.booleans(), st.sampled_from([0, 0, 0, 5])), max_size=20
).map(
    lambda found: [
        Thought(
            id=number,
            text="x" * 4 * tokens,
            tokens=tokens,
            pinned=pinned,
            summary_of=0 if pinned else stands,
        )
        for number, (tokens, pinned, stands) in enumerate(found, start=1)
    ]
)


def count(text: str) -> int:
    return math.ceil(len(text) / 4)


def size(thoughts: Sequence[Thought]) -> int:
    return sum(one.tokens for one in thoughts)


def compact(thoughts: list[Thought], capacity: int) -> tuple[list[Thought], list[Thought]]:
    away = chosen(thoughts, capacity, lambda some: count(line(some)))
    return replaced(thoughts, away, line(away), count(line(away)), capacity), away


def fits(thoughts: list[Thought], capacity: int) -> bool:
    return size([one for one in thoughts if one.pinned]) <= capacity


@given(THOUGHTS, st.integers(0, 300))
def test_no_more_is_held_than_may_be(thoughts: list[Thought], capacity: int) -> None:
    if not fits(thoughts, capacity):
        with pytest.raises(QuotaExceeded, match="pinned"):
            compact(thoughts, capacity)
        return
    kept, _ = compact(thoughts, capacity)
    assert size(kept) <= capacity


@given(THOUGHTS, st.integers(0, 300))
def test_what_is_pinned_stays_and_the_order_with_it(thoughts: list[Thought], capacity: int) -> None:
    if fits(thoughts, capacity):
        kept, away = compact(thoughts, capacity)
        assert not any(one.pinned for one in away)
        gone = {one.id for one in away}
        assert [one for one in kept if one.id] == [one for one in thoughts if one.id not in gone]
        numbers = [one.id for one in kept if one.id]
        assert numbers == sorted(numbers)


@given(THOUGHTS, st.integers(0, 300))
def test_the_oldest_loose_ones_go_and_a_line_counts_them(
    thoughts: list[Thought], capacity: int
) -> None:
    if not fits(thoughts, capacity):
        return
    kept, away = compact(thoughts, capacity)
    loose = [one for one in thoughts if not one.pinned]
    assert away == loose[: len(away)]
    lines = [(place, one) for place, one in enumerate(kept) if not one.id]
    assert len(lines) <= (1 if away else 0)
    for place, standing in lines:
        assert standing.summary_of == sum(one.summary_of or 1 for one in away)
        assert all(one.id < away[0].id for one in kept[:place])
        assert all(one.id > away[0].id for one in kept[place + 1 :])


@given(THOUGHTS)
def test_what_fits_is_left_alone(thoughts: list[Thought]) -> None:
    assert compact(thoughts, size(thoughts)) == (thoughts, [])


def test_a_line_says_how_many_and_how_they_begin() -> None:
    away = [
        Thought(id=1, text="[…]", tokens=9, pinned=False, summary_of=7),
        Thought(id=2, text="first\nthing", tokens=9, pinned=False),
        Thought(id=3, text="y" * 99, tokens=9, pinned=False),
    ]
    assert line(away) == (
        "[9 earlier thoughts lie in episodic memory; the last: first thing; " + "y" * QUOTED + "…]"
    )
