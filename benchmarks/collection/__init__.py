"""A collection with relevance judgements: passages, queries, and which answer which.

Interface:
    passages        texts by their names
    queries         what is asked, with what answers it
    ndcg            how good a ranking is
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked."""

    #: `term` asks for a code or a name, `paraphrase` shares no word with what answers it, `plain`
    #: is an ordinary question.
    kind: str
    text: str
    #: Passages that answer it (2) or are near to that (1), by name.
    judged: Mapping[str, int]


def passages() -> dict[str, str]:
    """Return the texts."""
    return dict(line.split(" | ", 1) for line in _lines("passages.txt"))  # type: ignore[misc]


def queries() -> list[Query]:
    """Return the queries."""
    found = []
    for line in _lines("queries.txt"):
        kind, text, said = line.split(" | ")
        pairs = (one.split("=") for one in said.split())
        found.append(Query(kind=kind, text=text, judged={name: int(say) for name, say in pairs}))
    return found


def ndcg(ranking: Sequence[str], judged: Mapping[str, int], depth: int = 10) -> float:
    """Return the normalised discounted cumulative gain of a ranking, 0 to 1.

    A passage of degree g gains 2^g - 1, divided by log2(1 + rank) (Järvelin and Kekäläinen 2002, in
    the form of Burges et al. 2005).
    """

    def gain(degrees: Sequence[int]) -> float:
        ranked = enumerate(degrees[:depth], start=2)
        return math.fsum((2**degree - 1) / math.log2(rank) for rank, degree in ranked)

    best = gain(sorted(judged.values(), reverse=True))
    return gain([judged.get(name, 0) for name in ranking]) / best


def _lines(name: str) -> list[str]:
    return (_FOLDER / name).read_text().splitlines()
