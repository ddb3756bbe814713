from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.planner.calibration import ENOUGH, fit, reliability
from llmagentos.syscalls.plan import Bin


def test_too_few_outcomes_give_no_confidence() -> None:
    assert fit([-0.1] * (ENOUGH - 1), [True] * (ENOUGH - 1)) is None


def test_known_curve_is_found_again() -> None:
    source = random.Random(0)
    scores = [-math.exp(source.uniform(-6, 1)) for _ in range(3000)]
    truth = [1 / (1 + math.exp(-(0.8 * -math.log(-one) - 1))) for one in scores]
    curve = fit(scores, [source.random() < chance for chance in truth])
    assert curve is not None
    assert max(abs(curve(s) - t) for s, t in zip(scores, truth, strict=True)) < 0.05


@given(st.lists(st.tuples(st.floats(-30, 0), st.booleans()), min_size=ENOUGH, max_size=60))
def test_confidence_is_a_chance_and_never_falls_as_scores_rise(
    outcomes: list[tuple[float, bool]],
) -> None:
    scores = [one for one, _ in outcomes]
    curve = fit(scores, [one for _, one in outcomes])
    assert curve is not None
    told = [curve(one) for one in sorted(scores)]
    assert all(0 <= one <= 1 for one in told)
    assert all(low <= high + 1e-9 for low, high in pairwise(told))


def test_outcomes_that_say_nothing_for_the_score_give_their_share() -> None:
    scores = [-0.1 * n for n in range(1, 21)]
    curve = fit(scores, [score < -1 for score in scores])
    assert curve is not None and curve(-0.1) == curve(-2.0) == pytest.approx(0.5)


def test_error_of_calibration_is_the_weighted_distance_of_the_bins() -> None:
    confidences, successes = (
        [0.95] * 10 + [0.25] * 10,
        [True] * 9 + [False] + [True] * 5 + [False] * 5,
    )
    error, bins = reliability(confidences, successes)
    assert error == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)
    assert bins == [
        Bin(confidence=pytest.approx(0.25), success=0.5, plans=10),
        Bin(confidence=pytest.approx(0.95), success=0.9, plans=10),
    ]


def test_error_is_not_told_of_too_few() -> None:
    error, bins = reliability([1.0], [True])
    assert error is None and bins == [Bin(confidence=1.0, success=1.0, plans=1)]
