"""One list of passages out of the store's and those of other sources.

Interface:
    fused           the best of all
"""

from __future__ import annotations

from dataclasses import replace

from ...syscalls.knowledge import Passage
from ..index.fusion import fuse


def fused(own: list[Passage], others: dict[str, list[Passage]], limit: int) -> list[Passage]:
    """Return the best of several lists, each of which is in its order; the scores are fused."""
    if not others:
        return own[:limit]
    known: dict[str, Passage] = {}
    rankings = []
    for name, found in [("", own), *others.items()]:
        ranking = [(f"{name}\0{rank:04}", one.score) for rank, one in enumerate(found)]
        known |= {key: one for (key, _), one in zip(ranking, found, strict=True)}
        rankings.append(ranking)
    return [replace(known[key], score=score) for key, score in fuse(rankings, limit)]
