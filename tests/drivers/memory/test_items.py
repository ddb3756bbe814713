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

from llmagentos.drivers.index.file import open_file
from llmagentos.drivers.memory.items import KEY, VALUE, Items
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


def opened(path: Path | str) -> Items:
    return open_file(Path(path), lambda base: Items(base, now=lambda: 5.0))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Items]:
    store = opened(tmp_path / "memory.db")
    yield store
    store._base.close()


def ranked(
    store: Items, query: str = "", vector: list[float] | None = None, place: str = "a"
) -> list[str]:
    return [hit.key for hit in store.hits(store.rank(place, query, vector, 10))]


def found(store: Items, query: str) -> list[str]:
    return ranked(store, query)


@settings(max_examples=60, deadline=None)
@given(KEYS, JSON)
def test_what_is_put_is_what_is_got(key: str, value: Any) -> None:
    store = opened(":memory:")
    store.put("a", key, value, None)
    item = store.get("a", key)
    assert item is not None and (item.key, item.value) == (key, value)
    store._base.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS | st.sampled_from(["a%b", "a_b", "a*", "a\0b", "aXb"]), max_size=12), TEXT)
def test_a_prefix_means_itself_whatever_its_characters(keys: list[str], prefix: str) -> None:
    store = opened(":memory:")
    for key in keys:
        store.put("a", key, 1, None)
    for start in (prefix, *keys, *(key[:1] for key in keys)):
        expected = sorted({key for key in keys if key.startswith(start)})
        assert [item.key for item in store.ls(["a"], start, 100)] == expected
    store._base.close()


@settings(max_examples=150, deadline=None)
@given(TEXT | st.sampled_from(['"', "NEAR(a b)", "a AND", "-x", "key:*", "(", "_ __", "\u0301"]))
def test_no_query_is_a_syntax_error(query: str) -> None:
    store = opened(":memory:")
    store.put("a", "k", "near and key x", None)
    store.rank("a", query, None, 10)
    store._base.close()


def test_every_word_of_a_value_is_found(store: Items) -> None:
    store.put("a", "k", {"title": 'one\ntwo\tthree "four"', "list": ["five", 6]}, None)
    for word in ("one", "two", "three", "four", "title", "five", "6", "k", "TWO"):
        assert found(store, word) == ["k"], word


def test_an_accent_is_found_in_either_of_its_forms(store: Items) -> None:
    store.put("a", "composed", "caf\u00e9s", None)
    store.put("a", "decomposed", "cafe\u0301s", None)
    for query in ("caf\u00e9s", "cafe\u0301s", "cafes"):
        assert sorted(found(store, query)) == ["composed", "decomposed"]


def test_an_overwritten_or_deleted_value_is_no_longer_found(store: Items) -> None:
    store.put("a", "k", "apple", [1.0, 0.0])
    store.put("a", "k", "pear", None)
    assert found(store, "apple") == [] and found(store, "pear") == ["k"]
    assert ranked(store, vector=[1.0, 0.0]) == []
    assert store.delete("a", "k") and not store.delete("a", "k")
    assert found(store, "pear") == [] and store.get("a", "k") is None


def test_more_matching_words_rank_higher(store: Items) -> None:
    store.put("a", "both", "red apple", None)
    store.put("a", "one", "red brick", None)
    best, second = store.hits(store.rank("a", "red apple", None, 10))
    assert (best.key, second.key) == ("both", "one") and best.score > second.score


def test_the_nearest_vector_comes_first(store: Items) -> None:
    store.put("a", "east", 1, [2.0, 0.0])
    store.put("a", "north", 1, [0.0, 2.0])
    hits = store.hits(store.rank("a", "", [1e200, 1e199], 10))
    assert [hit.key for hit in hits] == ["east", "north"]
    assert all(math.isfinite(hit.score) for hit in hits)


def test_the_first_vector_fixes_the_length_of_its_namespace_alone(store: Items) -> None:
    store.put("a", "k", 1, [1.0, 2.0])
    with pytest.raises(InvalidArgument, match=r"3 numbers.*2"):
        store.put("a", "other", 1, [1.0, 2.0, 3.0])
    assert store.get("a", "other") is None
    with pytest.raises(InvalidArgument, match=r"3 numbers.*2"):
        store.rank("a", "", [1.0, 2.0, 3.0], 5)
    store.put("b", "k", 1, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("vector", [[], [0.0], [math.nan, 1.0], [math.inf], [1e308] * 4])
def test_a_vector_without_a_direction_is_refused(store: Items, vector: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="finite"):
        store.put("a", "k", 1, vector)
    assert store.get("a", "k") is None


def test_a_vector_that_is_tiny_still_has_its_direction(store: Items) -> None:
    store.put("a", "k", 1, [1e-60, 1e-60])
    (hit,) = store.hits(store.rank("a", "", [1.0, 1.0], 1))
    assert hit.key == "k" and hit.score == pytest.approx(1.0)


def test_keys_and_values_have_bounds(store: Items) -> None:
    store.put("a", "k" * KEY, "v" * (VALUE - 2), None)
    with pytest.raises(TooBig, match=str(VALUE)):
        store.put("a", "k", "v" * (VALUE - 1), None)
    for key in ("", "k" * (KEY + 1), "\ud800"):
        for use in (lambda key: store.put("a", key, 1, None), lambda key: store.get("a", key)):
            with pytest.raises(InvalidArgument):
                use(key)


def test_what_json_cannot_carry_is_refused(store: Items) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for value in (math.nan, b"bytes", {1, 2}, "\ud800", deep):
        with pytest.raises(InvalidArgument, match="JSON"):
            store.put("a", "k", value, None)


def test_what_others_store_changes_no_score(store: Items) -> None:
    store.put("a", "one", "the acquisition", None)
    store.put("a", "two", "apples and pears", None)
    before = store.rank("a", "acquisition apples", None, 5)
    for number in range(50):
        store.put("b", f"k{number}", "acquisition", None)
    assert len(store.rank("b", "acquisition", None, 100)) == 50
    assert store.rank("a", "acquisition apples", None, 5) == before


def test_the_first_search_finds_what_was_there_before_and_later_ones_what_came(
    store: Items, tmp_path: Path
) -> None:
    for namespace in ("a", "b"):
        store.put(namespace, "k", f"apple of {namespace}", None)
        store.put(namespace, "gone", "apple", None)
        store.delete(namespace, "gone")
    assert found(store, "apple") == ["k"] and found(store, "b") == []
    store.put("a", "k2", "apple", None)
    store.delete("a", "k")
    again = opened(tmp_path / "memory.db")
    assert found(again, "apple") == ["k2"]
    ((number, score),) = store.rank("a", "apple", None, 10)
    assert store.hits([(number, score), (0, 0.4)]) == [
        Hit(key="k2", value="apple", updated=5.0, score=score)
    ]
    again._base.close()


def test_an_answer_has_a_bound_that_says_what_to_do(store: Items) -> None:
    for number in range(9):
        store.put("a", f"k{number}", "x" * 1_000_000, [1.0, 0.0])
    ranking = store.rank("a", "", [1.0, 0.0], 9)
    for ask in (lambda: store.ls(["a"], "", 100), lambda: store.hits(ranking)):
        with pytest.raises(TooBig, match="ask for fewer"):
            ask()
    assert len(store.ls(["a"], "", 8)) == len(store.hits(ranking[:8])) == 8


@pytest.mark.slow
def test_the_largest_answer_fits_into_a_frame(store: Items) -> None:
    # Of all JSON, short numbers with a point grow most on the wire: from 5 bytes to 9.
    with store._base:
        for number in range(8):
            store.put("a", f"k{number}", [1.5] * 209_000, None)
        for number in range(10_000):
            store.put("b", f"{number:0>{KEY}}", 0, None)
    for namespace in ("a", "b"):
        items = store.ls([namespace], "", 10_000)
        assert 4_000_000 < len(pack(items)) < MAX_FRAME - 1000


def test_a_failed_write_changes_nothing(tmp_path: Path, store: Items) -> None:
    store.put("a", "k", "before", None)
    assert found(store, "before") == ["k"]
    other = apsw.Connection(str(tmp_path / "memory.db"))
    other.execute("DROP TABLE item_words_1")
    with pytest.raises(apsw.Error):
        store.put("a", "k", "after", None)
    other.close()
    item = store.get("a", "k")
    assert item is not None and item.value == "before"


def test_keys_are_listed_without_their_values_however_large_they_are(store: Items) -> None:
    for number in range(12):
        store.put("a", f"large{number:02}", "x" * (VALUE - 2), None)
    store.put("b", "large", 1, None)
    with pytest.raises(TooBig):
        store.ls(["a"], "", 1000)
    assert store.keys(["a"], "large", 1000)[0] == [f"large{n:02}" for n in range(12)]
    assert store.keys(["a"], "", 2) == (["large00", "large01"], False)
    assert store.keys(["a"], "other", 10) == ([], False)


def test_of_two_namespaces_the_first_ones_values_stand(store: Items) -> None:
    store.put("a", "k2", "mine", None)
    store.put("b", "k2", "theirs", None, untrusted=True)
    store.put("b", "k1", "theirs", None, untrusted=True)
    assert [(one.key, one.value) for one in store.ls(["a", "b"], "", 10)] == [
        ("k1", "theirs"),
        ("k2", "mine"),
    ]
    assert store.keys(["a", "b"], "k", 10) == (["k1", "k2"], True)
    assert store.keys(["a", "b"], "k2", 10) == (["k2"], False)
    assert [one.key for one in store.ls(["b", "a"], "", 1)] == ["k1"]


def test_a_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    old = apsw.Connection(str(tmp_path / "memory.db"))
    old.execute(
        "CREATE TABLE item (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, key TEXT NOT NULL,"
        " value TEXT NOT NULL, updated REAL NOT NULL, vector BLOB, UNIQUE (namespace, key));"
        "INSERT INTO item VALUES (1, 'a', 'k', '\"apple\"', 1.0, NULL)"
    ).fetchall()
    old.close()
    store = opened(tmp_path / "memory.db")
    assert found(store, "apple") == ["k"]
    store.put("a", "k", "pear", None)
    assert found(store, "pear") == ["k"]
    store._base.close()
