"""Entities of both sides."""

from __future__ import annotations

import random
import re

from llmagentos.services.learning.embedded.vocabulary import (
    HELDOUT_WORDS,
    TRAINING_WORDS,
    Vocabulary,
    is_heldout,
)
from llmagentos.services.learning.embedded.written import read


def test_the_two_lists_of_words_share_none() -> None:
    assert not set(HELDOUT_WORDS) & set(TRAINING_WORDS)


def test_training_draws_no_number_and_no_name_of_the_tests() -> None:
    training = Vocabulary(random.Random(0))
    for _ in range(2000):
        number = training.number().split(".")[0]
        assert len(number) < 3 or not is_heldout(number)
        assert not is_heldout(training.identifier())
        words = set(re.findall(r"[a-z]+", training.key().lower()))
        assert not words & set(HELDOUT_WORDS)


def test_held_out_entities_are_never_drawn_in_training() -> None:
    heldout = Vocabulary(random.Random(0), heldout=True)
    for _ in range(2000):
        assert is_heldout(heldout.identifier())
        assert heldout.word() in HELDOUT_WORDS


def test_no_word_of_the_phrasings_is_held_out() -> None:
    words = {word for phrase in read("training") for word in re.findall("[a-z]+", phrase.template)}
    assert not words & set(HELDOUT_WORDS)
    assert {Vocabulary(random.Random(n), common=1.0).word() for n in range(50)} <= words


def test_same_seed_draws_the_same() -> None:
    def drawn() -> list[str]:
        one = Vocabulary(random.Random("seed"))
        return [one.key() for _ in range(20)] + [one.value() for _ in range(20)]

    assert drawn() == drawn()
