"""Phrasings written by hand, one to a line, in the text files of `phrases/`.

A line `## kind | expression` says what the lines below it ask for; `#` begins a comment.

    training.txt    what the model is trained on, beside the grammar
    heldout.txt     what no training phrasing can produce, for tests
    people.txt      the same, by somebody who had seen no other list

Interface:
    Phrase          kind, expression and template
    read            a file's phrases
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

__all__ = ["Phrase", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One way to ask for one kind of task."""

    #: the kind of task (see `phrasing`)
    kind: str
    #: the calculator expression that is meant, with slots; empty where none is needed
    expression: str
    #: the words of the request, with slots
    template: str


def read(name: str) -> tuple[Phrase, ...]:
    """The phrases of `phrases/NAME.txt`, in order."""
    found: list[Phrase] = []
    kind = expression = ""
    text = (files(__package__) / "phrases" / f"{name}.txt").read_text(encoding="utf-8")
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("##"):
            kind, _, expression = map(str.strip, line.removeprefix("##").partition("|"))
        elif not line.startswith("#"):
            found.append(Phrase(kind=kind, expression=expression, template=line))
    return tuple(found)
