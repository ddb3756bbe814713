"""Suites: tasks with the world that each starts in and what is expected at its end.

A suite is a file of one JSON object a line:

    {"id": "sum-1", "task": "Store 3 plus 4 as total.", "kind": "compute_store",
     "memory": {"price": "12"}, "files": {"note.txt": "tea"}, "tools": ["calculator", "memory_put"],
     "expect": {"answer": "Stored 7 as total.", "memory": {"price": "12", "total": "7"}}}

Interface:
    Case, Expected      a task, and what a verifier compares with
    Suite               tasks under a name; `read` raises `InvalidArgument`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import Field, ValidationError

from ....syscalls.errors import InvalidArgument
from ....syscalls.reason import reason
from ..training.settings import Part

#: Bytes of a suite's file.
SIZE = 64 * 1024 * 1024
Text = Annotated[str, MaxLen(100_000)]


class Expected(Part):
    """What is expected at a task's end; what is None does not matter."""

    answer: Text | None = None
    #: All that is remembered, and all files of the agent's folder.
    memory: dict[str, Text] | None = None
    files: dict[str, Text] | None = None


class Case(Part):
    """One task."""

    id: Annotated[str, MinLen(1), MaxLen(64)]
    task: Annotated[str, MinLen(1), MaxLen(100_000)]
    #: What the figures are told apart by.
    kind: Annotated[str, MaxLen(64)] = ""
    #: What the agent remembers and has in its folder when it begins.
    memory: dict[str, Text] = Field(default_factory=dict)
    files: dict[str, Text] = Field(default_factory=dict)
    #: Names of the tools that it is offered; None for the agent's own.
    tools: list[str] | None = None
    expect: Expected = Expected()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tasks in their order."""

    name: str
    cases: tuple[Case, ...]
    #: BLAKE2b of the file, in hex.
    digest: str

    @classmethod
    def read(cls, path: Path) -> Suite:
        """Read a file. Raises `InvalidArgument` naming the line, for a suite that is empty, that
        has an id twice, or that cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidArgument(f"the suite {path.name}: {error.strerror}") from None
        if len(data) > SIZE:
            raise InvalidArgument(f"the suite {path.name} has more than {SIZE} bytes")
        cases = tuple(_cases(path.name, data))
        if not cases:
            raise InvalidArgument(f"the suite {path.name} has no tasks")
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        return cls(name=path.stem, cases=cases, digest=digest)


def _cases(name: str, data: bytes) -> Iterator[Case]:
    seen: dict[str, int] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            raise InvalidArgument(f"the suite {name}, line {number}: {reason(error)}") from None
        if case.id in seen:
            raise InvalidArgument(
                f"the suite {name}, line {number}: the id {case.id} is that of line {seen[case.id]}"
            )
        seen[case.id] = number
        yield case
