"""What learns: plays an episode, and is better at the next one.

Interface:
    Learner         the contract
    Played          an episode that was played
    Memo            a learner's whole state: arrays, and what JSON carries
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

#: A gymnasium environment, and numpy arrays by name; both libraries are loaded late.
Env: TypeAlias = Any
Arrays: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """An episode that was played."""

    #: The sum of its rewards, undiscounted.
    reward: float
    steps: int
    #: What the learner says of it, such as a loss.
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """All that a learner needs to go on as if nothing had happened."""

    arrays: Arrays
    values: dict[str, Any]


class Learner(Protocol):
    """Owns what it has learnt. One thread."""

    def play(self, env: Env, seed: int, progress: float) -> Played:
        """Play one episode that begins with `seed`, and learn from it; `progress` (0 to 1) is how
        far the job is. Raises `InvalidArgument` where a loss is no number."""

    def memo(self) -> Memo:
        """Return its state between two episodes."""

    def restore(self, memo: Memo) -> None:
        """Go on from a state."""

    def policy(self) -> tuple[str, Arrays]:
        """Return the form (`table` or `network`) and the arrays of the policy it holds
        for the best, as `policy.Policy` reads them."""
