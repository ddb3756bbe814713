"""Two rankings become one."""

from __future__ import annotations

from llmagentos.drivers.memory.fusion import fuse
from llmagentos.drivers.memory.store import Ranking


def ranking(*keys: str) -> Ranking:
    return [(key, 9.0) for key in keys]


def test_scores_are_the_sum_of_reciprocal_ranks() -> None:
    assert fuse((ranking("a", "b"), ranking("b", "c")), 10) == [
        ("b", 1 / 62 + 1 / 61),
        ("a", 1 / 61),
        ("c", 1 / 62),
    ]


def test_equal_scores_come_by_key_and_the_limit_holds() -> None:
    assert fuse((ranking("b"), ranking("a")), 1) == [("a", 1 / 61)]
