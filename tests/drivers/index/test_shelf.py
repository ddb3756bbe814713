"""Pieces found by words and by nearness, each place for itself."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.index import vectors, words
from llmagentos.drivers.index.file import open_file
from llmagentos.drivers.index.shelf import Shelf
from llmagentos.syscalls.errors import InvalidArgument

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
Owner = Any  # of conftest.py


def test_a_piece_is_found_by_the_stems_of_its_words(owner: Owner) -> None:
    owner.put("a", 1, "She was running in the caf\u00e9s")
    owner.put("a", 2, "a different matter")
    for query in ("run", "Runs!", "cafe", "cafe\u0301", "what, running?"):
        assert owner.words(query) == [1], query
    assert owner.words("nothing such") == [] == owner.words("") == owner.words("?!")


@settings(max_examples=150)
@given(
    TEXT | st.sampled_from(['"', "NEAR(a b)", "a AND", "-x", "key:*", "(", "_ __", "\0", "\ud800"])
)
def test_no_query_is_a_syntax_error(query: str) -> None:
    base, shelf = open_file(
        Path(":memory:"), lambda base: (base, Shelf(base, "piece", lambda place, numbers: []))
    )
    shelf.add("a", 1, "near and key x")
    shelf.by_words("a", query, 10)
    base.close()


def test_what_was_there_before_the_first_search_is_found_and_what_comes_after(owner: Owner) -> None:
    owner.put("a", 1, "an apple")
    owner.put("a", 2, "gone apple")
    owner.take("a", 2)
    assert owner.words("apple") == [1]
    owner.put("a", 3, "apple apple")
    owner.put("a", 1, "a pear")
    assert owner.words("apple") == [3] and owner.words("pear") == [1]
    owner.take("a", 3)
    assert owner.words("apple") == []


def test_what_one_place_holds_changes_nothing_in_another(owner: Owner) -> None:
    owner.put("a", 1, "the acquisition", [1.0, 0.0])
    owner.put("a", 2, "apples and pears", [0.0, 1.0])
    before = owner.shelf.by_words("a", "acquisition apples", 5)
    for number in range(3, 60):
        owner.put("b", number, "acquisition", [1.0, 0.0])
    assert len(owner.shelf.by_words("b", "acquisition", 100)) == 57
    assert owner.shelf.by_words("a", "acquisition apples", 5) == before
    assert owner.near([1.0, 0.0]) == [1, 2]
    owner.shelf.drop("b")
    del owner.texts["b"]
    assert owner.words("acquisition", "b") == [] == owner.near([1.0, 0.0], place="b")
    assert owner.words("acquisition") == [1]


def test_a_vector_is_compared_with_those_of_its_own_model_alone(owner: Owner) -> None:
    owner.put("a", 1, "x", [2.0, 0.0, 1.0], "small")
    owner.put("a", 2, "x", [0.0, 2.0], "large")
    owner.put("a", 3, "x")
    assert owner.near([1.0, 1.0, 0.0], "small") == [1]
    assert owner.near([1.0, 1.0], "large") == [2]
    assert owner.near([1.0, 1.0], "small") == [] == owner.near([1.0, 1.0], "unknown")
    owner.put("a", 1, "y")
    assert owner.near([1.0, 1.0, 0.0], "small") == []


@pytest.mark.parametrize("vector", [[], [0.0], [math.nan, 1.0], [math.inf], [1e308] * 4])
def test_a_vector_without_a_direction_is_refused_and_nothing_is_written(
    owner: Owner, vector: list[float]
) -> None:
    with pytest.raises(InvalidArgument, match="finite"):
        owner.put("a", 1, "apple", vector)
    assert owner.shelf.lacking("", 10) == []
    with pytest.raises(InvalidArgument, match="finite"):
        owner.near(vector)


def test_what_lacks_a_models_vector_is_told_until_it_has_one(owner: Owner) -> None:
    owner.put("a", 1, "old", [1.0, 0.0], "old")
    owner.put("b", 2, "none")
    owner.put("b", 3, "new", [0.0, 1.0], "new")
    assert owner.shelf.lacking("new", 10) == [("a", 1, "old"), ("b", 2, "none")]
    assert len(owner.shelf.lacking("new", 1)) == 1
    owner.take("b", 2)
    owner.shelf.renew("new", [("a", 1, [0.5, 0.5]), ("b", 2, [1.0, 0.0])])
    assert owner.shelf.lacking("new", 10) == []
    assert owner.near([1.0, 0.0], "new") == [1] and owner.near([1.0, 0.0], "old") == []
    assert owner.near([1.0, 0.0], "new", "b") == [3]


def test_signs_choose_what_vectors_rank(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    field = [[chance.gauss(0, 1) for _ in range(128)] for _ in range(300)]
    for number, vector in enumerate(field):
        owner.put("a", number, "x", vector, "m")
    exact = owner.shelf.by_vector("a", field[42], 5, "m")
    monkeypatch.setattr(vectors, "EXACT", 128 * 100)
    monkeypatch.setattr(vectors, "FEWEST", 60)
    chosen = owner.shelf.by_vector("a", field[42], 5, "m")
    assert chosen[0] == (42, pytest.approx(1.0)) == exact[0]
    assert len({number for number, _ in chosen} & {number for number, _ in exact}) >= 3


def test_in_a_large_place_rare_words_choose_and_common_ones_weigh(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "RANKED", 10)
    monkeypatch.setattr(words, "COUNTED", 60)
    for number in range(100):
        common = "blue" if number % 2 else "green"
        owner.put("a", number, f"the sky is {common}" + " rare" * (number in (10, 11)))
    assert owner.words("rare blue the") == [11, 10]
    # A word that all have: the newest ones.
    assert owner.words("the") == list(range(99, 89, -1))


def test_a_failed_write_changes_nothing(owner: Owner, tmp_path: Path) -> None:
    owner.put("a", 1, "before")
    assert owner.words("before") == [1]
    other = apsw.Connection(str(tmp_path / "shelf.db"))
    other.execute("DROP TABLE piece_words_1")
    with pytest.raises(apsw.Error):
        owner.put("a", 1, "after", [1.0, 0.0])
    other.close()
    assert owner.near([1.0, 0.0]) == []


def test_an_index_outlives_the_process(tmp_path: Path, owner: Owner) -> None:
    owner.put("a", 1, "apple", [1.0, 0.0], "m")
    assert owner.words("apple") == [1]
    owner.base.close()
    again = type(owner)(tmp_path / "shelf.db")
    again.texts = owner.texts
    assert again.words("apple") == [1] and again.near([1.0, 0.1], "m") == [1]
    again.put("a", 2, "apple")
    assert sorted(again.words("apple")) == [1, 2]
    again.base.close()


def test_a_piece_of_the_usual_length_with_all_words_scores_what_a_query_is_worth(
    owner: Owner,
) -> None:
    for number in range(40):
        owner.put("a", number, f"of the word{number} it")
    words = owner.shelf._words
    ((number, score),), worth = words.weighed("a", "word7", 10)
    assert number == 7 and score == pytest.approx(worth, rel=1e-3)
    (first, *_), worth = words.weighed("a", "the word7 missing", 10)
    assert first[0] == 7 and first[1] < 0.6 * worth
    assert words.weighed("a", "missing", 10) == ([], 0.0) == words.weighed("a", "", 10)


def test_a_near_piece_comes_before_those_that_share_only_common_words(owner: Owner) -> None:
    for number in range(200):
        owner.put("a", number, f"what is there in the box {number}", [1.0, 0.01 * number])
    owner.put("a", 500, "felines", [0.0, 1.0])
    found = owner.shelf.search("a", "what is a cat", 3, [0.1, 1.0], "")
    assert found[0][0] == 500
    found = owner.shelf.search("a", "box 150", 3, [1.0, 1.2], "")
    assert found[0][0] == 150
