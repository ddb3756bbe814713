"""Transitions that are remembered, to be learnt from more than once (Lin 1992).

Interface:
    Replay          a ring: `add` overwrites the oldest, `sample` draws with replacement
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .learner import Arrays

Array = np.ndarray[Any, Any]


class Replay:
    """Owns its arrays, which have room for `size` transitions from the start."""

    def __init__(self, size: int, features: int) -> None:
        self._arrays: Arrays = {
            "state": np.zeros((size, features), dtype=np.float32),
            "action": np.zeros(size, dtype=np.int64),
            "reward": np.zeros(size, dtype=np.float32),
            "after": np.zeros((size, features), dtype=np.float32),
            "ended": np.zeros(size, dtype=np.float32),
        }
        self._size = size
        self.count = 0

    def add(self, state: Array, action: int, reward: float, after: Array, ended: bool) -> None:
        """Remember a transition."""
        place = self.count % self._size
        for array, value in zip(
            self._arrays.values(), (state, action, reward, after, ended), strict=True
        ):
            array[place] = value
        self.count += 1

    def sample(self, rng: np.random.Generator, batch: int) -> list[Array]:
        """Return states, actions, rewards, next states and whether they were the end."""
        places = rng.integers(0, min(self.count, self._size), batch)
        return [array[places] for array in self._arrays.values()]

    def arrays(self) -> Arrays:
        """Return what is filled, by name."""
        filled = min(self.count, self._size)
        return {f"replay/{name}": array[:filled] for name, array in self._arrays.items()}

    def restore(self, arrays: Arrays, count: int) -> None:
        """Take a state over."""
        for name, array in self._arrays.items():
            held = arrays[f"replay/{name}"]
            array[: len(held)] = held
        self.count = count
