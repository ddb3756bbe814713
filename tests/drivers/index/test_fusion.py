"""Several rankings become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.index.fusion import blend, fuse

KEYS = st.lists(st.integers(0, 30), unique=True, max_size=12)


def ranking(*keys: str) -> list[tuple[str, float]]:
    return [(key, 9.0) for key in keys]


def test_scores_are_the_sum_of_reciprocal_ranks() -> None:
    assert fuse((ranking("a", "b"), ranking("b", "c")), 10) == [
        ("b", 1 / 62 + 1 / 61),
        ("a", 1 / 61),
        ("c", 1 / 62),
    ]


def test_equal_scores_come_by_key_and_the_limit_holds() -> None:
    assert fuse((ranking("b"), ranking("a")), 1) == [("a", 1 / 61)]


def test_a_weight_says_what_a_ranking_counts() -> None:
    found = fuse((ranking("a"), ranking("b")), 2, [1.0, 3.0])
    assert found == [("b", 3 / 61), ("a", 1 / 61)]
    with pytest.raises(ValueError):
        fuse((ranking("a"),), 1, [1.0, 1.0])


@given(st.lists(KEYS, max_size=4))
def test_every_key_is_there_once_and_scores_fall(rankings: list[list[int]]) -> None:
    fused = fuse(([(key, 1.0) for key in one] for one in rankings), 1000)
    assert sorted(key for key, _ in fused) == sorted({key for one in rankings for key in one})
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)


@given(KEYS.filter(bool), st.integers(1, 4))
def test_what_all_agree_on_stays_in_its_order(keys: list[int], times: int) -> None:
    fused = fuse([[(key, 1.0) for key in keys]] * times, 1000)
    assert [key for key, _ in fused] == keys


@given(KEYS, KEYS, st.data())
def test_what_is_before_another_in_every_ranking_is_before_it(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    both = [key for key in first if key in second]
    order = [key for key, _ in fuse(([(k, 0) for k in first], [(k, 0) for k in second]), 1000)]
    if len(both) > 1:
        one, other = data.draw(st.permutations(both))[:2]
        if first.index(one) < first.index(other) and second.index(one) < second.index(other):
            assert order.index(one) < order.index(other)


def test_common_words_alone_do_not_outweigh_nearness() -> None:
    words, near = [("junk", 0.2), ("other", 0.1)], [("answer", 0.7), ("junk", 0.2)]
    found = blend(words, 10.0, near, 0.1, 10)
    assert [key for key, _ in found] == ["answer", "junk", "other"]
    assert found[0][1] == 0.5


def test_all_words_of_a_query_outweigh_middling_nearness() -> None:
    found = blend([("code", 9.0)], 8.0, [("like", 0.5), ("code", 0.4)], 0.0, 10)
    assert found == [("code", 0.5 + 0.4), ("like", 0.5)]


def test_one_ranking_alone_keeps_its_order() -> None:
    ranking = [("a", 3.0), ("b", 2.0), ("c", 1.0)]
    assert [key for key, _ in blend(ranking, 4.0, [], 0.0, 2)] == ["a", "b"]
    assert [key for key, _ in blend([], 0.0, ranking, 0.0, 3)] == ["a", "b", "c"]
    assert blend([], 0.0, [("a", 0.4)], 0.4, 3) == [("a", 0.5)]
    assert blend([], 0.0, [], 0.0, 3) == []
