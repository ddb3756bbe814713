"""One ranking out of several.

Ranks alone (reciprocal rank fusion; Cormack, Clarke and Büttcher, SIGIR 2009) serve for rankings of
any kind. Words and nearness are fused by their scores (a convex combination; Bruch, Gai and Ingber,
TOIS 2023): where a query shares only common words with the pieces, their order says nothing, and
ranks would not show it.

Interface:
    fuse            rankings of keys to one, scored by Σ weight / (60 + rank)
    blend           a ranking by words and one by nearness to one, scored from 0 to 1
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
    return _best(scores, limit)


def blend(
    words: Sequence[tuple[K, float]],
    worth: float,
    near: Sequence[tuple[K, float]],
    far: float,
    limit: int,
) -> list[tuple[K, float]]:
    """Return the keys of both rankings, the best first: half of a score is for words, half for
    nearness.

    `words` score as shares of `worth`, what a piece with all the query's words would have; `near`
    by their place between `far` and the first, whatever a model's cosines are like.
    """
    scores = {key: min(score / worth, 1.0) / 2 for key, score in words}
    spread = near[0][1] - far if near else 0.0
    for key, score in near:
        share = (score - far) / spread if spread > 0 else 1.0
        scores[key] = scores.get(key, 0.0) + share / 2
    return _best(scores, limit)


def _best(scores: dict[K, float], limit: int) -> list[tuple[K, float]]:
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:limit]
