"""Q-learning over a table: Q(s,a) += alpha (r + gamma max Q(s',·) - Q(s,a)).

Watkins and Dayan, Q-learning, Machine Learning 8 (1992). Actions are ε-greedy, equals are broken by
chance. An episode that was cut off is no end: what would have come is still counted (Pardo et al.,
Time Limits in Reinforcement Learning, 2018).

Interface:
    TableLearner    the learner
"""

from __future__ import annotations

import random

import numpy as np

from .learner import Arrays, Env, Memo, Played
from .recipe import Tabular


class TableLearner:
    """Owns the table. Plain lists: at this size they are faster than arrays."""

    def __init__(self, settings: Tabular, states: int, actions: int) -> None:
        self._settings = settings
        self._rng = random.Random(settings.seed)
        self._actions = actions
        self.values = [[settings.initial] * actions for _ in range(states)]
        self._visits = [[0] * actions for _ in range(states)]

    def play(self, env: Env, seed: int, progress: float) -> Played:
        """As `Learner.play`."""
        explore, rng = self._settings.explore.at(progress), self._rng
        state = int(env.reset(seed))
        total, steps = 0.0, 0
        while True:
            action = rng.randrange(self._actions) if rng.random() < explore else self._best(state)
            observation, reward, ended, cut = env.step(action)
            self.learn(state, action, reward, None if ended else int(observation))
            state = int(observation)
            total, steps = total + reward, steps + 1
            if ended or cut:
                return Played(reward=total, steps=steps, metrics={"explore": explore})

    def learn(self, state: int, action: int, reward: float, after: int | None) -> None:
        """Learn from one transition; `after` is None where it was the last."""
        settings = self._settings
        self._visits[state][action] += 1
        rate = max(self._visits[state][action] ** -settings.power, settings.floor)
        target = reward
        if after is not None:
            target += settings.discount * max(self.values[after])
        self.values[state][action] += rate * (target - self.values[state][action])

    def memo(self) -> Memo:
        """As `Learner.memo`."""
        arrays = {"values": np.array(self.values), "visits": np.array(self._visits)}
        version, state, gauss = self._rng.getstate()
        return Memo(arrays=arrays, values={"rng": [version, list(state), gauss]})

    def restore(self, memo: Memo) -> None:
        """As `Learner.restore`."""
        self.values = memo.arrays["values"].tolist()
        self._visits = memo.arrays["visits"].tolist()
        version, state, gauss = memo.values["rng"]
        self._rng.setstate((version, tuple(state), gauss))

    def policy(self) -> tuple[str, Arrays]:
        """As `Learner.policy`."""
        return "table", {"values": np.array(self.values, dtype=np.float32)}

    def _best(self, state: int) -> int:
        row = self.values[state]
        most = max(row)
        best = [action for action, value in enumerate(row) if value == most]
        return best[0] if len(best) == 1 else self._rng.choice(best)
