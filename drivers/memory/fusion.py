"""One ranking out of several: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

Interface:
    fuse            rankings of keys to one, scored by Σ 1 / (60 + rank)
"""

from __future__ import annotations

from collections.abc import Iterable

from .store import Ranking

#: The constant of the paper, which dampens the first places.
K = 60


def fuse(rankings: Iterable[Ranking], limit: int) -> Ranking:
    """Return the keys of all rankings, the best first, each with its fused score."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, (key, _) in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (K + rank)
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:limit]
