"""The gate: McNemar's exact test, gains, and kinds that got worse."""

from __future__ import annotations

import pytest

from llmagentos.services.learning.evaluate.gate import Gate, Pair, by_kind, chance, judged


def pairs(won: int, lost: int, both: int = 0, neither: int = 0, kind: str = "sum") -> list[Pair]:
    counts = ((won, False, True), (lost, True, False), (both, True, True), (neither, False, False))
    return [
        Pair(kind=kind, baseline=before, candidate=after)
        for count, before, after in counts
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (9, 1, 11 / 1024), (3, 3, 42 / 64)],
)
def test_chance_is_that_of_so_many_heads_of_a_fair_coin(won: int, lost: int, p: float) -> None:
    assert chance(won, lost) == pytest.approx(p)


def test_thousands_of_pairs_are_counted_exactly() -> None:
    assert chance(1100, 900) == pytest.approx(4.2e-6, rel=0.05)


def test_a_better_model_passes() -> None:
    verdict = judged(pairs(40, 5, both=200, neither=55), Gate(), suite="held", baseline="embedded")
    assert verdict.passed and verdict.reason is None
    assert (verdict.tasks, verdict.solved, verdict.baseline_solved) == (300, 240, 205)
    assert (verdict.won, verdict.lost) == (40, 5)


def test_an_equal_model_does_not_pass() -> None:
    verdict = judged(pairs(5, 5, both=90), Gate(), suite="held", baseline="embedded")
    assert not verdict.passed
    assert verdict.reason is not None and "luck" in verdict.reason


def test_a_gain_below_the_wanted_one_does_not_pass() -> None:
    verdict = judged(pairs(20, 0, both=980), Gate(gain=5), suite="held", baseline="embedded")
    assert verdict.p < 0.001
    assert verdict.reason == "it gains 2.0 points, not 5"


def test_a_kind_that_got_much_worse_keeps_the_model_out() -> None:
    some = [*pairs(60, 0, neither=20), *pairs(0, 6, both=6, kind="refuse")]
    verdict = judged(some, Gate(), suite="held", baseline="embedded")
    assert verdict.reason == "it loses 50.0 points on the 12 tasks of refuse"
    assert judged(some, Gate(few=13), suite="held", baseline="embedded").passed


def test_kinds_are_told_apart() -> None:
    some = [*pairs(1, 0, both=1), *pairs(0, 1, kind="store")]
    assert by_kind(some) == {"store": (1, 1, 0), "sum": (2, 1, 2)}
