"""Pieces as callers see them.

Interface:
    recollections   read out of the file, in the order of a ranking
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import apsw

from ...syscalls.errors import TooBig
from ...syscalls.memory import Recollection
from ..index.file import rows
from .strength import left

#: Bytes of all texts of an answer.
ANSWER = 8 * 1024 * 1024
_PIECE = (
    "SELECT id, tier, text, written, recalled, importance, strength, touched, source, times,"
    " episodes, untrusted FROM piece WHERE id = ?"
)


def recollections(
    base: apsw.Connection, ranking: Iterable[tuple[int, float]], now: float
) -> list[Recollection]:
    """Return ranked pieces with their scores; those that have gone are left out.

    Raises `TooBig` where their texts do not fit into an answer together.
    """
    found, total = [], 0
    for number, score in ranking:
        for row in rows(base, _PIECE, number):
            total += len(row[2].encode())
            if total > ANSWER:
                raise TooBig(f"the texts have more than {ANSWER} bytes together; ask for fewer")
            found.append(_recollection(row, score, now))
    return found


def _recollection(row: tuple[Any, ...], score: float, now: float) -> Recollection:
    number, tier, text, written, recalled, importance, strength, touched = row[:8]
    source, times, episodes, untrusted = row[8:]
    return Recollection(
        id=number,
        tier=tier,
        text=text,
        written=written,
        recalled=recalled,
        importance=importance,
        strength=left(strength, now - touched),
        source=source,
        times=times,
        episodes=json.loads(episodes),
        untrusted=bool(untrusted),
        score=score,
    )
