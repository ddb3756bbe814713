"""Small slips in a phrasing: a word too much, a word missing, a typing error.

Slots are left alone, and a slip never makes a held-out phrasing.

Interface:
    slip            a template with one slip
"""

from __future__ import annotations

import random
import re

from .grammar import skeleton
from .written import read

__all__ = ["slip"]

_HELDOUT = frozenset(
    skeleton(phrase.template) for name in ("heldout", "people") for phrase in read(name)
)
_PIECE = re.compile(r"\{\w+\}|[^\s{}]+|\s+")
_FILLERS = (
    "just", "really", "maybe", "actually", "please", "then", "um", "simply", "also", "again", "now",
    "still", "quickly", "kindly", "here", "there", "indeed", "the", "for me", "exactly", "perhaps",
)  # fmt: skip
#: words that a hasty person leaves out
_LOST = frozenset(
    "the a an of is are my your our me to for that it and please in do i you can does".split()
)


def slip(template: str, rng: random.Random) -> str:
    """The template with one slip, or as it was where the slip would make a held-out one."""
    pieces: list[str] = _PIECE.findall(template)
    words = [place for place, piece in enumerate(pieces) if piece.isalpha()]
    if len(words) < 2:
        return template
    style, place = rng.random(), rng.choice(words)
    lost = [at for at in words if pieces[at].lower() in _LOST]
    if style < 0.4:
        pieces.insert(place, f"{rng.choice(_FILLERS)} ")
    elif style < 0.65 and lost:
        pieces[rng.choice(lost)] = ""
    elif len(pieces[place]) > 3:
        pieces[place] = _mistyped(pieces[place], rng)
    changed = " ".join("".join(pieces).split(" "))
    return template if skeleton(changed) in _HELDOUT else changed.strip()


def _mistyped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    style = rng.random()
    if style < 0.4:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if style < 0.75:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]
