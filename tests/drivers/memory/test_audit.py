"""Duplicates, contradictions and echoes among pieces."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.memory.audit import findings
from llmagentos.drivers.memory.statement import Statement
from llmagentos.syscalls.memory import Recollection, Tier


def piece(number: int, text: str, tier: Tier = "semantic") -> Recollection:
    return Recollection(
        id=number, tier=tier, text=text, written=0.0, recalled=None, importance=0.5, strength=0.5,
        source="test",
    )  # fmt: skip


def found(*texts: str) -> list[tuple[str, list[int]]]:
    pieces = [piece(number, text) for number, text in enumerate(texts, start=1)]
    return [(one.kind, one.ids) for one in findings(pieces, {})]


def test_duplicates_and_contradictions_are_told_apart() -> None:
    assert found(
        "The office is in Oslo",
        "Ann likes red apples",
        "Ann likes apples (red)",
        "The office is in Bergen",
        "The mill has 3 pumps",
        "The mill has 4 pumps",
        "something else",
    ) == [
        ("duplicate", [2, 3]),
        ("contradiction", [5, 6]),
        ("contradiction", [1, 4]),
    ]


def test_a_thing_that_is_many_things_is_told_once_for_each_step() -> None:
    assert found(*(f"the colour is {one}" for one in ("red", "green", "blue"))) == [
        ("contradiction", [1, 2]),
        ("contradiction", [2, 3]),
    ]


def test_what_is_near_in_meaning_is_a_duplicate_unless_numbers_differ() -> None:
    pieces = [piece(1, "a car of 4 seats"), piece(2, "an auto with 4 places"), piece(3, "5 seats")]
    told = findings(pieces, {}, [(1, 2), (1, 3)])
    assert [(one.kind, one.ids) for one in told] == [("duplicate", [1, 2])]


def test_an_echo_names_what_was_heard_and_episodes_are_compared_with_nothing() -> None:
    pieces = [piece(1, "same"), piece(2, "same", "episodic"), piece(3, "same again", "episodic")]
    (echo,) = findings(pieces, {2: 1, 9: 1})
    assert (echo.kind, echo.ids) == ("echo", [1, 2]) and "'same'" in echo.text


@settings(max_examples=60)
@given(st.lists(st.sets(st.sampled_from("abcdefghijklm"), max_size=12), max_size=12))
def test_every_pair_with_nearly_the_same_words_is_found(sets: list[set[str]]) -> None:
    chance = random.Random(3)
    texts = [" ".join(chance.sample(sorted(one), len(one))) for one in sets]
    pieces = [piece(number, text) for number, text in enumerate(texts) if text]
    told = {tuple(one.ids) for one in findings(pieces, {})}
    said = {one.id: Statement.of(one.text) for one in pieces}
    for first in said:
        for second in said:
            if first < second and said[first].repeats(said[second]):
                assert (first, second) in told
