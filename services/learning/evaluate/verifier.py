"""Verifiers: what an agent's work on a task was worth, by its end and not by its way.

A verifier of one's own is `FILE.py:function` beside the recipe: `function(case, result)` gets both
as dictionaries, and returns a number or a bool.

Interface:
    Result          what an agent left behind
    Verifier        a function of a case and a result that gives a number
    BUILT_IN        `answer`, `contains`, `state`, `goal`
    find            the verifier of a name; raises `InvalidArgument`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ....syscalls.errors import InvalidArgument
from ..beside import function
from .suite import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an agent left behind."""

    #: Its last words; None where it came to no end.
    answer: str | None
    #: What it remembers and has in its folder; None where nobody has looked.
    memory: Mapping[str, str] | None
    files: Mapping[str, str] | None
    exit_code: int | None
    #: Tools that it has called, in order, with arguments and what they said.
    calls: tuple[Mapping[str, Any], ...] = ()


Verifier: TypeAlias = Callable[[Case, Result], float]


def answer(case: Case, result: Result) -> float:
    """1 where the answer is the expected one."""
    return float(result.answer is not None and result.answer == case.expect.answer)


def contains(case: Case, result: Result) -> float:
    """1 where the expected answer stands in the answer, whatever the case of its letters."""
    wanted = case.expect.answer
    said = result.answer
    return float(said is not None and wanted is not None and wanted.lower() in said.lower())


def state(case: Case, result: Result) -> float:
    """1 where memory and files are the expected ones."""
    return float(
        result.exit_code == 0
        and _as_expected(case.expect.memory, result.memory)
        and _as_expected(case.expect.files, result.files)
    )


def goal(case: Case, result: Result) -> float:
    """1 where both the answer, if one is expected, and the state are the expected ones."""
    said = case.expect.answer is None or answer(case, result)
    return float(said and state(case, result))


BUILT_IN: Mapping[str, Verifier] = {
    "answer": answer, "contains": contains, "state": state, "goal": goal,
}  # fmt: skip


def find(name: str, folder: Path) -> Verifier:
    """Return the verifier of a name; a file's path starts at `folder`."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        known = ", ".join(sorted(BUILT_IN))
        raise InvalidArgument(f"the verifier {name!r} is none of {known}, nor FILE.py:function")
    return _checked(name, function("verifier", name, folder))


def _checked(name: str, judge: Callable[..., Any]) -> Verifier:
    def verify(case: Case, result: Result) -> float:
        try:
            value = float(judge(case.model_dump(), asdict(result)))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise InvalidArgument(f"the verifier {name} on the task {case.id}: {said}") from error
        if not math.isfinite(value):
            raise InvalidArgument(f"the verifier {name} on the task {case.id} gave {value}")
        return value

    return verify


def _as_expected(wanted: Mapping[str, str] | None, found: Mapping[str, str] | None) -> bool:
    return wanted is None or (found is not None and dict(wanted) == dict(found))
