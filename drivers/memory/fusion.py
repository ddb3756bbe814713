"""One ranking out of several: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

Interface:
    fuse            rankings to one, scored by Σ 1 / (60 + rank)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...syscalls.memory import Hit

#: The constant of the paper, which dampens the first places.
K = 60


def fuse(rankings: Iterable[list[Hit]], limit: int) -> list[Hit]:
    """Return the hits of all rankings, the best first, each with its fused score."""
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.key] = scores.get(hit.key, 0.0) + 1 / (K + rank)
            hits[hit.key] = hit
    best = sorted(scores, key=lambda key: (-scores[key], key))[:limit]
    return [replace(hits[key], score=scores[key]) for key in best]
