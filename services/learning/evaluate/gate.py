"""The gate: whether a model did better than another one on the same tasks, or only luckier.

Tasks that both solve, or neither, say nothing. Of those that only one solves, the candidate's are
heads of a fair coin if it is no better: McNemar's exact test (McNemar 1947), one-sided.

Interface:
    Gate            the `[gate]` part of a recipe
    chance          how likely so many heads are
    judged          a verdict on pairs
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Annotated

from annotated_types import Ge, Gt, Le

from ....syscalls.learning import Verdict
from ..training.settings import Part


class Gate(Part):
    """What a candidate has to reach."""

    #: The highest p that is taken for no luck.
    p: Annotated[float, Gt(0), Le(1)] = 0.05
    #: Percentage points that it has to solve more.
    gain: Annotated[float, Ge(0), Le(100)] = 0.0
    #: Percentage points that it may lose on tasks of one kind, where there are at least `few`.
    loss: Annotated[float, Ge(0), Le(100)] = 20.0
    few: Annotated[int, Ge(1)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One task, and whether each has solved it."""

    kind: str
    baseline: bool
    candidate: bool


def chance(won: int, lost: int) -> float:
    """Return P(X >= won) for X ~ Binomial(won + lost, 1/2); 1 where both are 0."""
    tosses = won + lost
    heads: int = sum(comb(tosses, one) for one in range(won, tosses + 1))
    return float(heads / 2**tosses)


def judged(pairs: Sequence[Pair], gate: Gate, *, suite: str, baseline: str) -> Verdict:
    """Return how the candidate did beside the baseline, and whether the gate lets it pass."""
    won = sum(one.candidate and not one.baseline for one in pairs)
    lost = sum(one.baseline and not one.candidate for one in pairs)
    p, gain = chance(won, lost), 100 * (won - lost) / len(pairs)
    reason = None
    if p > gate.p:
        reason = f"{won} won and {lost} lost may be luck: p = {p:.3g} is above {gate.p:g}"
    elif gain < gate.gain:
        reason = f"it gains {gain:.1f} points, not {gate.gain:g}"
    else:
        reason = _worse(pairs, gate)
    return Verdict(
        suite=suite,
        baseline=baseline,
        tasks=len(pairs),
        solved=sum(one.candidate for one in pairs),
        baseline_solved=sum(one.baseline for one in pairs),
        won=won,
        lost=lost,
        p=p,
        passed=reason is None,
        reason=reason,
        time=time.time(),
    )


def by_kind(pairs: Sequence[Pair]) -> dict[str, tuple[int, int, int]]:
    """Return for each kind its tasks, and how many the baseline and the candidate have solved."""
    kinds: dict[str, list[Pair]] = defaultdict(list)
    for one in pairs:
        kinds[one.kind].append(one)
    return {
        kind: (len(some), sum(one.baseline for one in some), sum(one.candidate for one in some))
        for kind, some in sorted(kinds.items())
    }


def _worse(pairs: Sequence[Pair], gate: Gate) -> str | None:
    for kind, (tasks, before, after) in by_kind(pairs).items():
        lost = 100 * (before - after) / tasks
        if tasks >= gate.few and lost > gate.loss:
            return f"it loses {lost:.1f} points on the {tasks} tasks of {kind or 'no kind'}"
    return None
