"""What a text says, as far as that can be told without understanding it.

Interface:
    digest          of a text's normal form: case, punctuation and spaces left out
    Statement       `of` a text; `repeats`, `contradicts` another one
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

#: How many of two texts' words are in both, of all that they have, for the two to say the same.
SAME = 0.9
_WORD = re.compile(r"\w+(?:['.,]\w+)*")
_NEGATION = frozenset({"no", "not", "never", "none", "neither", "nor", "cannot", "without"})
#: `X is Y`, `X: Y`, `X = Y`, of something that there is one of at a time.
_SHAPE = re.compile(
    r"(?P<subject>[^:=.!?]{1,120}?)\s*(?:=|:(?!//)|\b(?:is|are)\b)\s*(?P<value>\S.*)", re.DOTALL
)
#: Words that stand for something else each time.
_PRONOUNS = frozenset(
    {"it", "this", "that", "there", "here", "he", "she", "they", "we", "you", "i", "what", "who"}
)
_ARTICLE = re.compile(r"^(?:the|a|an|my|our)\s+")


def digest(text: str) -> bytes:
    """Return what two texts have in common that differ in case, punctuation and spaces alone."""
    normal = " ".join(_WORD.findall(_folded(text))) or text.strip()
    return hashlib.blake2b(normal.encode(errors="replace"), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A text's words, and what it says of what where it has that form."""

    #: Its words but numbers and negations.
    words: frozenset[str]
    numbers: frozenset[str]
    negated: bool
    #: Of `X is Y`; None where it has no such form.
    subject: str | None
    value: str | None

    @classmethod
    def of(cls, text: str) -> Statement:
        """Read a text."""
        folded = _folded(text)
        found = _WORD.findall(folded)
        negations = [one for one in found if one in _NEGATION or one.endswith("n't")]
        numbers = frozenset(one for one in found if one[0].isdigit())
        shape = _SHAPE.fullmatch(folded.strip().rstrip(".!"))
        if shape and shape["subject"].strip() in _PRONOUNS:
            shape = None
        return cls(
            words=frozenset(found) - numbers - frozenset(negations),
            numbers=numbers,
            negated=len(negations) % 2 == 1,
            subject=_ARTICLE.sub("", shape["subject"].strip()) if shape else None,
            value=" ".join(_WORD.findall(shape["value"])) if shape else None,
        )

    def alike(self, other: Statement) -> bool:
        """Whether two have nearly all their words in common, numbers and negations apart."""
        return len(self.words & other.words) >= SAME * len(self.words | other.words)

    def agrees(self, other: Statement) -> bool:
        """Whether two have the same numbers, and either both a negation or none."""
        return self.numbers == other.numbers and self.negated == other.negated

    def repeats(self, other: Statement) -> bool:
        """Whether two say the same in nearly the same words."""
        return self.alike(other) and self.agrees(other)

    def contradicts(self, other: Statement) -> bool:
        """Whether two may not both hold: they say that one thing is this and that, or are alike but
        for a number or a negation."""
        if self.subject is not None and self.subject == other.subject:
            return self.value != other.value
        return bool(self.words) and self.alike(other) and not self.agrees(other)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
