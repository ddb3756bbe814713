"""The part of a passage that a query is about: a model reads it, and need not find it.

Interface:
    excerpt         the sentence that has most of a query's words
"""

from __future__ import annotations

import re

#: Characters of an excerpt, and those up to which more is said than one sentence.
LENGTH, SHORT = 240, 120
#: After a full stop, between paragraphs, and between the rows of a table.
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=[^\n]*\|)")
_WORD = re.compile(r"\w+")


def excerpt(text: str, query: str) -> str:
    """Return, on one line, the sentence with most words of a query, cut where it is long, and
    with what follows where it is short."""
    sentences = [" ".join(one.split()) for one in _SENTENCE.split(text) if one.strip()]
    wanted = set(_WORD.findall(query.lower()))
    counts = [len(wanted.intersection(_WORD.findall(one.lower()))) for one in sentences]
    if not sentences:
        return ""
    first = counts.index(max(counts))
    found = sentences[first]
    for after in sentences[first + 1 :]:
        if len(found) + 1 + len(after) > SHORT:
            break
        found += f" {after}"
    return found[:LENGTH]
