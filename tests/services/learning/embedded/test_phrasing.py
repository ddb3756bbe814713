"""Training's phrasings and those that tests keep for themselves."""

from __future__ import annotations

import random
import re

import pytest

from llmagentos.services.learning.embedded.phrasing import PRODUCTIONS, produces
from llmagentos.services.learning.embedded.wording import AFFIXES, GRAMMAR
from llmagentos.services.learning.embedded.written import Phrase, read

HELD_OUT = (*read("heldout"), *read("people"))
SLOT = re.compile(r"\{(\w+)\}")


def test_no_held_out_phrasing_can_be_produced_in_training() -> None:
    assert len(HELD_OUT) > 200
    assert [phrase.template for phrase in HELD_OUT if produces(phrase.template)] == []


def test_what_training_does_produce_is_recognised_with_all_that_stands_around_it() -> None:
    rng = random.Random(0)
    for production in rng.sample(PRODUCTIONS, 25):
        before, after = (GRAMMAR.expand(affix, rng) for affix in AFFIXES[production.mood])
        text = f"{before} {GRAMMAR.expand(production.text, rng)} {after}"
        assert produces(text), text


@pytest.mark.parametrize("name", ["training", "heldout", "people"])
def test_written_phrase_names_each_slot_of_its_expression_once(name: str) -> None:
    kinds = {production.kind for production in PRODUCTIONS}
    for phrase in read(name):
        used = SLOT.findall(phrase.template)
        needed = {slot for slot in SLOT.findall(phrase.expression) if not slot.isdigit()}
        assert phrase.kind in kinds, phrase
        assert len(used) == len(set(used)) and needed <= set(used), phrase


def test_no_written_phrase_stands_twice() -> None:
    for name in ("training", "heldout", "people"):
        phrases: tuple[Phrase, ...] = read(name)
        assert len(set(phrases)) == len(phrases)
