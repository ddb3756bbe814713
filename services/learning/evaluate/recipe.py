"""The `[evaluate]` part of a recipe: which model is tried beside which, and on what.

Interface:
    Evaluate        checked settings
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen

from ..training.settings import Part

Name = Annotated[str, MinLen(1), MaxLen(64)]


class Evaluate(Part):
    """Which model is tried beside which."""

    #: A file of tasks beside the recipe.
    suite: str
    #: The candidate, a model of the store; None to see only how well what answers does.
    model: Name | None = None
    #: What it is compared with: a model of the store, `embedded`, or None for what answers.
    baseline: Name | None = None
    verifier: str = "goal"
    #: What a verifier gives for a task that is solved, at least.
    solved: float = 1.0
    temperature: Annotated[float, Ge(0), Le(5)] = 0.0
    seed: Annotated[int, Ge(0)] = 0
    #: Agents that live at once.
    parallel: Annotated[int, Ge(1), Le(512)] = 48
