"""From a score to how likely a plan succeeds, as recorded outcomes have it.

Platt scaling (Platt 1999): P = 1 / (1 + exp(-(a·x + b))), fitted to outcomes by the Newton steps of
Lin, Lin and Weng (2007) with Platt's smoothed targets. Two parameters want fewer outcomes than
isotonic regression does (Niculescu-Mizil and Caruana 2005: past a thousand). Scores crowd below 0,
so x is -log(-score): equal ratios of surprisal per token are equal distances.

Interface:
    fit             outcomes to a function of scores; None for too few
    reliability     expected calibration error, and its bins
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ...syscalls.plan import Bin

#: Outcomes below which nothing is said, and bins of the calibration error.
ENOUGH, BINS = 20, 10
_STEPS, _RIDGE, _LEAST = 50, 1e-3, 1e-6


def fit(scores: Sequence[float], successes: Sequence[bool]) -> Callable[[float], float] | None:
    """Return what gives a score's chance of success, which never falls as scores rise."""
    if len(scores) < ENOUGH:
        return None
    xs, good = [_x(one) for one in scores], sum(successes)
    bad = len(scores) - good
    high, low = (good + 1) / (good + 2), 1 / (bad + 2)
    targets = [high if one else low for one in successes]
    a, b = 0.0, math.log((good + 1) / (bad + 1))
    for _ in range(_STEPS):
        chances = [_sigmoid(a * x + b) for x in xs]
        off = [chance - target for chance, target in zip(chances, targets, strict=True)]
        spread = [chance * (1 - chance) for chance in chances]
        # Gradient and Hessian of the negative log-likelihood; the ridge keeps it invertible.
        ga, gb = sum(d * x for d, x in zip(off, xs, strict=True)) + _RIDGE * a, sum(off)
        haa = sum(w * x * x for w, x in zip(spread, xs, strict=True)) + _RIDGE
        hab, hbb = sum(w * x for w, x in zip(spread, xs, strict=True)), sum(spread) + _RIDGE
        determinant = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        a, b = a - da, b - db
        if abs(da) + abs(db) < 1e-9:
            break
    if a <= 0 or not math.isfinite(a + b):  # outcomes say nothing for the score: their share
        return lambda score: (good + 1) / (len(scores) + 2)
    return lambda score: _sigmoid(a * _x(score) + b)


def reliability(
    confidences: Sequence[float], successes: Sequence[bool]
) -> tuple[float | None, list[Bin]]:
    """Return the expected calibration error (Naeini et al. 2015) over ten bins of equal width,
    None for too few, and the bins that are filled."""
    filled: dict[int, list[tuple[float, bool]]] = {}
    for confidence, success in zip(confidences, successes, strict=True):
        place = min(int(confidence * BINS), BINS - 1)
        filled.setdefault(place, []).append((confidence, success))
    bins = [
        Bin(
            confidence=sum(c for c, _ in held) / len(held),
            success=sum(s for _, s in held) / len(held),
            plans=len(held),
        )
        for _, held in sorted(filled.items())
    ]
    if len(confidences) < ENOUGH:
        return None, bins
    error = sum(abs(one.confidence - one.success) * one.plans for one in bins)
    return error / len(confidences), bins


def _x(score: float) -> float:
    return -math.log(max(-score, _LEAST))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
