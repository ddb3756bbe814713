"""Items in a real SQLite file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.memory.store import KEY, VALUE, Store
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.errors import InvalidArgument, TooBig
from llmagentos.syscalls.memory import Hit
from llmagentos.syscalls.message import MAX_FRAME

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "memory.db", now=lambda: 5.0)
    yield store
    store.close()


def found(store: Store, query: str) -> list[str]:
    return [key for key, _ in store.by_words("a", query, 10)]


@settings(max_examples=60, deadline=None)
@given(KEYS, JSON)
def test_what_is_put_is_what_is_got(key: str, value: Any) -> None:
    store = Store(Path(":memory:"))
    store.put("a", key, value, None)
    item = store.get("a", key)
    assert item is not None and (item.key, item.value) == (key, value)
    store.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS | st.sampled_from(["a%b", "a_b", "a*", "a\0b", "aXb"]), max_size=12), TEXT)
def test_a_prefix_means_itself_whatever_its_characters(keys: list[str], prefix: str) -> None:
    store = Store(Path(":memory:"))
    for key in keys:
        store.put("a", key, 1, None)
    for start in (prefix, *keys, *(key[:1] for key in keys)):
        expected = sorted({key for key in keys if key.startswith(start)})
        assert [item.key for item in store.ls("a", start, 100)] == expected
    store.close()


@settings(max_examples=150, deadline=None)
@given(TEXT | st.sampled_from(['"', "NEAR(a b)", "a AND", "-x", "key:*", "(", "_ __", "\u0301"]))
def test_no_query_is_a_syntax_error(query: str) -> None:
    store = Store(Path(":memory:"))
    store.put("a", "k", "near and key x", None)
    store.by_words("a", query, 10)
    store.close()


def test_every_word_of_a_value_is_found(store: Store) -> None:
    store.put("a", "k", {"title": 'one\ntwo\tthree "four"', "list": ["five", 6]}, None)
    for word in ("one", "two", "three", "four", "title", "five", "6", "k", "TWO"):
        assert found(store, word) == ["k"], word


def test_an_accent_is_found_in_either_of_its_forms(store: Store) -> None:
    store.put("a", "composed", "caf\u00e9s", None)
    store.put("a", "decomposed", "cafe\u0301s", None)
    for query in ("caf\u00e9s", "cafe\u0301s", "cafes"):
        assert sorted(found(store, query)) == ["composed", "decomposed"]


def test_an_overwritten_or_deleted_value_is_no_longer_found(store: Store) -> None:
    store.put("a", "k", "apple", [1.0, 0.0])
    store.put("a", "k", "pear", None)
    assert found(store, "apple") == [] and found(store, "pear") == ["k"]
    assert store.by_vector("a", [1.0, 0.0], 10) == []
    assert store.delete("a", "k") and not store.delete("a", "k")
    assert found(store, "pear") == [] and store.get("a", "k") is None


def test_more_matching_words_rank_higher(store: Store) -> None:
    store.put("a", "both", "red apple", None)
    store.put("a", "one", "red brick", None)
    (best, more), (second, less) = store.by_words("a", "red apple", 10)
    assert (best, second) == ("both", "one") and more > less


def test_the_nearest_vector_comes_first(store: Store) -> None:
    store.put("a", "east", 1, [2.0, 0.0])
    store.put("a", "north", 1, [0.0, 2.0])
    ranking = store.by_vector("a", [1e200, 1e199], 10)
    assert [key for key, _ in ranking] == ["east", "north"]
    assert all(math.isfinite(score) for _, score in ranking)


def test_the_first_vector_fixes_the_length_of_its_namespace_alone(store: Store) -> None:
    store.put("a", "k", 1, [1.0, 2.0])
    with pytest.raises(InvalidArgument, match=r"3 numbers.*2"):
        store.put("a", "other", 1, [1.0, 2.0, 3.0])
    assert store.get("a", "other") is None
    with pytest.raises(InvalidArgument, match=r"3 numbers.*2"):
        store.by_vector("a", [1.0, 2.0, 3.0], 5)
    store.put("b", "k", 1, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("vector", [[], [0.0], [math.nan, 1.0], [math.inf], [1e308] * 4])
def test_a_vector_without_a_direction_is_refused(store: Store, vector: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="finite"):
        store.put("a", "k", 1, vector)
    assert store.get("a", "k") is None


def test_a_vector_that_is_tiny_still_has_its_direction(store: Store) -> None:
    store.put("a", "k", 1, [1e-60, 1e-60])
    assert store.by_vector("a", [1.0, 1.0], 1) == [("k", pytest.approx(1.0))]


def test_keys_and_values_have_bounds(store: Store) -> None:
    store.put("a", "k" * KEY, "v" * (VALUE - 2), None)
    with pytest.raises(TooBig, match=str(VALUE)):
        store.put("a", "k", "v" * (VALUE - 1), None)
    for key in ("", "k" * (KEY + 1), "\ud800"):
        for use in (lambda key: store.put("a", key, 1, None), lambda key: store.get("a", key)):
            with pytest.raises(InvalidArgument):
                use(key)


def test_what_json_cannot_carry_is_refused(store: Store) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for value in (math.nan, b"bytes", {1, 2}, "\ud800", deep):
        with pytest.raises(InvalidArgument, match="JSON"):
            store.put("a", "k", value, None)


def test_what_others_store_changes_no_score(store: Store) -> None:
    store.put("a", "one", "the acquisition", None)
    store.put("a", "two", "apples and pears", None)
    before = store.by_words("a", "acquisition apples", 5)
    for number in range(50):
        store.put("b", f"k{number}", "acquisition", None)
    assert len(store.by_words("b", "acquisition", 100)) == 50
    assert store.by_words("a", "acquisition apples", 5) == before


def test_the_first_search_finds_what_was_there_before_and_later_ones_what_came(
    store: Store, tmp_path: Path
) -> None:
    for namespace in ("a", "b"):
        store.put(namespace, "k", f"apple of {namespace}", None)
        store.put(namespace, "gone", "apple", None)
        store.delete(namespace, "gone")
    assert found(store, "apple") == ["k"] and found(store, "b") == []
    store.put("a", "k2", "apple", None)
    store.delete("a", "k")
    again = Store(tmp_path / "memory.db")
    assert found(again, "apple") == ["k2"]
    assert store.hits("a", [("k2", 0.5), ("k", 0.4)]) == [
        Hit(key="k2", value="apple", updated=5.0, score=0.5)
    ]
    again.close()


def test_an_answer_has_a_bound_that_says_what_to_do(store: Store) -> None:
    ranking = []
    for number in range(9):
        store.put("a", f"k{number}", "x" * 1_000_000, None)
        ranking.append((f"k{number}", 1.0))
    for ask in (lambda: store.ls("a", "", 100), lambda: store.hits("a", ranking)):
        with pytest.raises(TooBig, match="ask for fewer"):
            ask()
    assert len(store.ls("a", "", 8)) == len(store.hits("a", ranking[:8])) == 8


def test_the_largest_answer_fits_into_a_frame(store: Store) -> None:
    # Of all JSON, short numbers with a point grow most on the wire: from 5 bytes to 9.
    with store._base:
        for number in range(8):
            store.put("a", f"k{number}", [1.5] * 209_000, None)
        for number in range(10_000):
            store.put("b", f"{number:0>{KEY}}", 0, None)
    for namespace in ("a", "b"):
        items = store.ls(namespace, "", 10_000)
        assert 4_000_000 < len(pack(items)) < MAX_FRAME - 1000


def test_a_failed_write_changes_nothing(tmp_path: Path, store: Store) -> None:
    store.put("a", "k", "before", None)
    assert found(store, "before") == ["k"]
    other = apsw.Connection(str(tmp_path / "memory.db"))
    other.execute("DROP TABLE words_1")
    with pytest.raises(apsw.Error):
        store.put("a", "k", "after", None)
    other.close()
    item = store.get("a", "k")
    assert item is not None and item.value == "before"


def test_keys_are_listed_without_their_values_however_large_they_are(store: Store) -> None:
    for number in range(12):
        store.put("a", f"large{number:02}", "x" * (VALUE - 2), None)
    store.put("b", "large", 1, None)
    with pytest.raises(TooBig):
        store.ls("a", "", 1000)
    assert store.keys("a", "large", 1000) == [f"large{number:02}" for number in range(12)]
    assert store.keys("a", "", 2) == ["large00", "large01"]
    assert store.keys("a", "other", 10) == []
