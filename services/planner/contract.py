"""What a strategy of planning is given and gives back.

A strategy is a class without arguments in the entry-point group `llmagentos.strategies`; the first
line of its docstring says what it does. It thinks: nothing that it does has an effect.

Interface:
    Mind            makes lines longer
    Aim             how far a strategy is to think
    Choice          its candidates, and which of them is to be done
    Strategy        the contract
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .line import Line


class Mind(Protocol):
    """Makes lines longer. It owns the model's contexts; lines of earlier rounds are gone."""

    #: The present: a line without replies.
    root: Line

    async def expand(self, line: Line, count: int = 1) -> list[Line]:
        """Return the line with one more reply, in up to `count` ways that differ, the likeliest
        first; none for a line that cannot go on.

        The first draw is greedy, the others are sampled. What a tool without effect says is looked
        up. What one with an effect says is taken to be what it always said of late; without that
        the longer line does not go on.
        """

    async def drop(self, lines: Sequence[Line]) -> None:
        """Forget what makes lines longer, where nothing will: the model's memory is bounded. At
        the end of a round that is done for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """How far a strategy is to think."""

    #: How many candidates are wanted.
    candidates: int
    #: Replies that a candidate may have.
    depth: int
    #: For what is left to chance.
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A strategy's candidates, at least one, and which of them is to be done, from 0."""

    candidates: Sequence[Line]
    chosen: int


class Strategy(Protocol):
    """Finds candidates for what to do from now on, and chooses one."""

    async def plan(self, mind: Mind, aim: Aim) -> Choice:
        """Return at least one candidate with at least one reply."""
