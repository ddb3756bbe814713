"""The weights that did best on held-out data, kept beside the checkpoints.

They stand by themselves: a job that goes on from an earlier checkpoint comes past them again.

Interface:
    Best        `look` keeps weights that did better, `settle` says which ones a training ends with
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ....syscalls.errors import InvalidArgument
from . import state
from .checkpoints import Checkpoint, Checkpoints

_WEIGHTS = "weights.pt"


class Best:
    """Owns one copy of the weights, and knows how the model did before anything was learnt."""

    def __init__(self, points: Checkpoints, recipe: Mapping[str, Any], measure: str) -> None:
        """`points` are what the training goes on from. `measure`: the metric by which weights are
        told apart; of one that is called a loss the lowest is the best, of others the highest."""
        self._points = Checkpoints(points.folder / "best", recipe, kept=1, left=points.good)
        self._found: Checkpoint | None = None
        self._first: Mapping[str, float] = {}
        self._measure = measure
        self._sign = -1 if measure.endswith("loss") else 1

    def begin(self, first: Mapping[str, float], *, resumed: bool) -> None:
        """Take what was seen of the untrained model; where the training is not `resumed`, what was
        kept before is forgotten."""
        self._first = first
        if not resumed:
            self._points.clear()
        self._found = self._points.latest()

    def look(self, model: Any, step: int, metrics: Mapping[str, float]) -> None:
        """Keep the weights of a step if none did better. Raises `InputOutputError`."""
        if self._measure not in metrics or self._gain(metrics, self._top) <= 0:
            return

        def write(folder: Path) -> None:
            import torch

            torch.save(state.learnt(model), folder / _WEIGHTS)

        self._found = self._points.save(step, write, metrics)

    @property
    def step(self) -> int:
        """The step whose weights did best so far."""
        return self._found.step if self._found else 0

    def settle(
        self, model: Any, step: int, last: dict[str, float], keep: Literal["best", "last"]
    ) -> tuple[dict[str, float], str]:
        """End a training at a step with its best or its last weights: return their metrics, and a
        remark where there is one to be made.

        Raises `InvalidArgument` where the best are those from before the first step.
        """
        if self._measure not in last or self._gain(last, self._top) >= 0:
            return last, ""
        name, top, end = self._measure, self._top[self._measure], last[self._measure]
        told = f"{name} was best at step {self.step}, {top:.4g}, and {end:.4g} at step {step}"
        if keep == "last":
            return last, f"{told}: the model is that of step {step}, as asked"
        if self._found is None:
            raise InvalidArgument(
                f"nothing was learnt: {name} was {top:.4g} at the beginning, never better, and "
                f'{end:.4g} at step {step}; a lower rate or other data may help, and keep = "last" '
                f"takes the model as it is"
            )
        state.weights(model, state.read(self._found.folder / _WEIGHTS))
        metrics = {**last, **self._found.notes}
        return metrics, f"{told}: the model is that of step {self.step}"

    @property
    def _top(self) -> Mapping[str, float]:
        """The best metrics so far."""
        return self._found.notes if self._found else self._first

    def _gain(self, one: Mapping[str, float], other: Mapping[str, float]) -> float:
        return self._sign * (one[self._measure] - other[self._measure])
