"""The state of a task as features: the words of what was asked, and what was done since.

The last tool alone does not tell what comes next; the whole history does. Each feature's name is
hashed to a place (Weinberger et al., Feature hashing for large scale multitask learning, 2009).

Interface:
    Course          what was asked, and the tools that were called with what came of them
    places          the places of a course's features, among so many
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ....syscalls.errors import InvalidArgument

#: Words of the task that are looked at, and steps of its course.
WORDS, STEPS = 64, 12
_WORD = re.compile(r"[a-z]+|\d+|[^\sa-z\d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A task, and how far it is."""

    task: str
    #: Each tool that was called, with one word for what came of it (`episodes.text_class`).
    steps: tuple[tuple[str, str], ...] = ()
    #: The tools there are; empty where nobody says.
    tools: tuple[str, ...] = ()

    @classmethod
    def of(cls, state: Any) -> Course:
        """Read a record `{"task": …, "steps": [[tool, class], …], "tools": […]}`.

        Raises `InvalidArgument`.
        """
        if isinstance(state, Course):
            return state
        try:
            return cls(
                task=str(state["task"]),
                steps=tuple((str(tool), str(said)) for tool, said in state.get("steps", ())),
                tools=tuple(map(str, state.get("tools", ()))),
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InvalidArgument(
                "a course is a record with the task, and steps of tool and class"
            ) from error

    def record(self) -> Mapping[str, Any]:
        """Return the course as `of` reads it."""
        return {
            "task": self.task,
            "steps": [list(step) for step in self.steps],
            "tools": list(self.tools),
        }


def places(course: Course, size: int) -> list[int]:
    """Return the places of a course's features, from 0 to `size` - 1."""
    return [zlib.crc32(name.encode()) % size for name in dict.fromkeys(_names(course))]


def _names(course: Course) -> Iterator[str]:
    """Yield the features. A word counts together with the history: what it asks for may have been
    done already."""
    steps = course.steps[-STEPS:]
    history = ">".join(f"{tool}:{said}" for tool, said in steps)
    words = ["^", *(_plain(one) for one in _WORD.findall(course.task.lower())[:WORDS]), "$"]
    yield "bias"
    yield f"h {history}"
    yield f"l {steps[-1] if steps else None}"
    yield f"n {len(course.steps)}"
    for tool in dict.fromkeys(tool for tool, _ in steps):
        yield f"d {tool}"
    for tool in course.tools:
        yield f"t {tool}"
    for word in words:
        yield f"w {word}"
        yield f"wh {word} {history}"
    for first, second in pairwise(words):
        yield f"ww {first} {second}"
        yield f"wwh {first} {second} {history}"


def _plain(word: str) -> str:
    """All numbers are one word: which one it is, is of no account here."""
    return "#" if word.isdigit() else word
