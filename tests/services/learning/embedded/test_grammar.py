"""The language of phrasings."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.learning.embedded.grammar import Grammar, skeleton

GRAMMAR = Grammar(
    {"put": "store|keep in mind", "it": "it|[all|some] of <that>", "that": "that|this"}
)
PRODUCTION = "[please|] <put> {value} [as|under] {key}[, do you hear|] <it>"


def belongs(template: str) -> bool:
    words = tuple(skeleton(template).split())
    return len(words) in GRAMMAR.ends(PRODUCTION, words, (0,), {})


@given(st.integers())
def test_every_expansion_belongs_to_its_production(seed: int) -> None:
    assert belongs(GRAMMAR.expand(PRODUCTION, random.Random(seed)))


@pytest.mark.parametrize(
    "template",
    ["", "store", "store {value} {key} it", "please please store {value} as {key} it",
     "store {value} as {key} it it", "keep {value} as {key} it"],
)  # fmt: skip
def test_other_words_do_not(template: str) -> None:
    assert not belongs(template)


def test_skeleton_has_neither_capitals_nor_punctuation_nor_slot_names() -> None:
    assert skeleton("What's {key}, PLEASE?!") == "whats # please "


def test_unbalanced_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        GRAMMAR.expand("a]", random.Random(0))
