"""One ranking out of several: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

Interface:
    fuse            rankings of keys to one, scored by Σ weight / (60 + rank)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

#: A piece's key in its store: a number or a text.
K = TypeVar("K", int, str)
#: The constant of the paper, which dampens the first places.
DAMPING = 60


def fuse(
    rankings: Iterable[Iterable[tuple[K, Any]]], limit: int, weights: Sequence[float] | None = None
) -> list[tuple[K, float]]:
    """Return the keys of all rankings, the best first, each with its fused score.

    A ranking has a key once, the best first. `weights` say what each counts, 1 by default. Of
    equal scores the lower key comes first.
    """
    rankings = list(rankings)
    scores: dict[K, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, (key, _) in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (DAMPING + rank)
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:limit]
