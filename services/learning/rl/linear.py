"""Q-learning over features, from decisions that were taken by whomever.

Q(s,a) = base + Σ w[f,a] over the features f of s. Each step takes a share of the error
r + gamma max Q(s',·) - Q(s,a) away (normalised least mean squares; Sutton and Barto 2018, sections
9.4 and 11.1). The base lies below all that was seen, so that what nobody has tried is not taken.

Interface:
    LinearQ         the learner
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from .decisions import Decision
from .features import Course, places
from .recipe import Offline

Array = np.ndarray[Any, Any]


class LinearQ:
    """Owns the weights, (features, actions)."""

    def __init__(self, settings: Offline, actions: Sequence[str], base: float) -> None:
        self._settings = settings
        self.actions = list(actions)
        self.base = base
        self.weights = np.zeros((settings.features, len(self.actions)), dtype=np.float32)
        self._index = {name: place for place, name in enumerate(self.actions)}

    def prepared(self, found: Sequence[Decision]) -> list[tuple[Array, int, float, Array | None]]:
        """Return decisions with the places of their features, for `learn`."""
        return [
            (
                self._places(one.course),
                self._index[one.action],
                one.reward,
                None if one.after is None else self._places(one.after),
            )
            for one in found
        ]

    def learn(self, prepared: Sequence[Any], number: int) -> float:
        """Go through all decisions once, in the `number`-th pass's order; return the mean absolute
        error before each step."""
        settings, weights = self._settings, self.weights
        share = number / max(settings.passes - 1, 1)
        rate = settings.rate * (settings.rate_end / settings.rate) ** share
        order = list(range(len(prepared)))
        random.Random(f"{settings.seed}:{number}").shuffle(order)
        total = 0.0
        for place in order:
            state, action, reward, after = prepared[place]
            target = reward
            if after is not None:
                target += settings.discount * (self.base + float(weights[after].sum(0).max()))
            error = target - self.base - float(weights[state, action].sum())
            np.add.at(weights[:, action], state, rate * error / len(state))
            total += abs(error)
        return total / max(len(prepared), 1)

    def scores(self, course: Course) -> Array:
        """Return Q of each action."""
        held: Array = self.base + self.weights[self._places(course)].sum(0)
        return held

    def best(self, course: Course) -> str:
        """Return the action that is held for the best; of equals the first."""
        return self.actions[int(self.scores(course).argmax())]

    def _places(self, course: Course) -> Array:
        return np.array(places(course, len(self.weights)), dtype=np.int64)
