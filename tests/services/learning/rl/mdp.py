"""Markov decision processes that are small enough to be known whole, and solved exactly.

What is learnt by trying is measured against them.

Interface:
    Process         transitions, rewards and ends, as arrays
    value_iteration the best values of actions (Bellman 1957)
    evaluation      the values of states under a policy
    of_table        the process behind an environment that has gymnasium's table `P`
    Walk            a process as a gymnasium environment
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that is known."""

    #: (states, actions, states): how likely an action leads to a state, from which it goes on.
    #: What a row lacks to 1 is the chance that it ends.
    transitions: Array
    #: (states, actions): the expected reward.
    rewards: Array


def value_iteration(process: Process, discount: float, tolerance: float = 1e-10) -> Array:
    """Return Q*, of shape (states, actions), to within `tolerance`.

    Q ← r + gamma P max Q is a contraction by gamma, so the error after a step is at most
    gamma / (1 - gamma) times the step (Puterman 1994, section 6.3). With a discount of 1 every
    policy has to come to an end.
    """
    values = np.zeros_like(process.rewards)
    bound = tolerance * (1 - discount) / discount if 0 < discount < 1 else tolerance
    while True:
        new: Array = process.rewards + discount * process.transitions @ values.max(1)
        if np.abs(new - values).max() <= bound:
            return new
        values = new


def evaluation(process: Process, policy: Array, discount: float) -> Array:
    """Return the values of states, V = (1 - gamma P_pi)^-1 r_pi, of a policy (states, actions)."""
    moves = np.einsum("sa,sat->st", policy, process.transitions)
    rewards = (policy * process.rewards).sum(1)
    return np.linalg.solve(np.eye(len(rewards)) - discount * moves, rewards)


def of_table(table: Mapping[int, Mapping[int, Sequence[Any]]]) -> Process:
    """Return the process of `env.unwrapped.P`: (chance, next state, reward, end) of each action."""
    states, actions = len(table), len(table[0])
    transitions, rewards = np.zeros((states, actions, states)), np.zeros((states, actions))
    for state, row in table.items():
        for action, outcomes in row.items():
            for chance, after, reward, ended in outcomes:
                rewards[state, action] += chance * reward
                if not ended:
                    transitions[state, action, after] += chance
    return Process(transitions=transitions, rewards=rewards)


class Walk(gymnasium.Env[Any, Any]):
    """A process as an environment; an episode begins in any state, each as likely."""

    def __init__(self, process: Process) -> None:
        states, actions = process.rewards.shape
        self.observation_space = gymnasium.spaces.Discrete(states)
        self.action_space = gymnasium.spaces.Discrete(actions)
        self._process = process
        self._state = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """As `gymnasium.Env.reset`."""
        super().reset(seed=seed)
        self._state = int(self.np_random.integers(len(self._process.rewards)))
        return self._state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """As `gymnasium.Env.step`."""
        reward = float(self._process.rewards[self._state, action])
        reached = np.cumsum(self._process.transitions[self._state, action])
        after = int(np.searchsorted(reached, self.np_random.random(), side="right"))
        if after == len(reached):
            return self._state, reward, True, False, {}
        self._state = after
        return after, reward, False, False, {}
