"""REINFORCE with a learnt baseline: θ += alpha gamma^t (G_t - v(S_t)) ∇ ln π(A_t|S_t).

Williams, Simple statistical gradient-following algorithms, Machine Learning 8 (1992); Sutton and
Barto, Reinforcement Learning (2018), section 13.4.

Interface:
    GradientLearner     the learner
    returns             what was still to come at each step
    surrogate           a loss whose gradient is the estimate of the policy's
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .learner import Arrays, Env, Memo, Played
from .network import Saved, checked, perceptron, trusting, vector, weights
from .recipe import Gradient


def returns(rewards: Sequence[float], discount: float) -> list[float]:
    """Return G_t = Σ_k gamma^k r_(t+k) for each step t."""
    found: list[float] = []
    value = 0.0
    for reward in reversed(rewards):
        value = reward + discount * value
        found.append(value)
    return found[::-1]


def surrogate(logprobs: Tensor, advantages: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Return -Σ w_t A_t ln π(a_t|s_t), all of shape (steps,).

    With A_t = G_t - b(s_t), whatever the baseline b, and w_t = gamma^t its negative gradient is an
    unbiased estimate of the gradient of the expected discounted return.
    """
    return -(weight * advantages.detach() * logprobs).sum()


class GradientLearner:
    """Owns the policy, the baseline, and the episodes since the last update."""

    def __init__(
        self, settings: Gradient, numbered: bool, size: int, actions: int, trust: float = 0.0
    ) -> None:
        """`trust`: as with `DeepLearner`, of the policy's logits."""
        self._settings = settings
        self._numbered, self._size = numbered, size
        torch.manual_seed(settings.seed)
        self._rng = np.random.default_rng(settings.seed)
        if trust:
            self._policy = trusting(size, actions, trust)
        else:
            self._policy = perceptron(size, settings.hidden, actions)
        self._baseline = perceptron(size, settings.hidden, 1)
        self._optimiser = torch.optim.Adam(
            [
                {"params": self._policy.parameters(), "lr": settings.rate},
                {"params": self._baseline.parameters(), "lr": settings.baseline_rate},
            ]
        )
        self._saved = Saved(self._optimiser, policy=self._policy, baseline=self._baseline)
        self._states: list[np.ndarray[Any, Any]] = []
        self._actions: list[int] = []
        self._returns: list[float] = []
        self._times: list[int] = []
        self._gathered = 0

    def play(self, env: Env, seed: int, progress: float) -> Played:
        """As `Learner.play`."""
        settings = self._settings
        state, rewards = vector(env.reset(seed), self._numbered, self._size), []
        while True:
            action = self._draw(state)
            observation, reward, ended, cut = env.step(action)
            self._states.append(state)
            self._actions.append(action)
            rewards.append(reward)
            state = vector(observation, self._numbered, self._size)
            if ended or cut:
                break
        self._returns += returns(rewards, settings.discount)
        self._times += range(len(rewards))
        self._gathered += 1
        metrics = self._update(progress) if self._gathered == settings.batch else {}
        return Played(reward=sum(rewards), steps=len(rewards), metrics=metrics)

    def memo(self) -> Memo:
        """As `Learner.memo`."""
        arrays = self._saved.arrays() | {
            "gathered/states": np.array(self._states, dtype=np.float32).reshape(-1, self._size),
            "gathered/actions": np.array(self._actions, dtype=np.int64),
            "gathered/returns": np.array(self._returns, dtype=np.float64),
            "gathered/times": np.array(self._times, dtype=np.int64),
        }
        values = {"rng": self._rng.bit_generator.state, "gathered": self._gathered}
        return Memo(arrays=arrays, values=values)

    def restore(self, memo: Memo) -> None:
        """As `Learner.restore`."""
        self._saved.restore(memo.arrays)
        self._states = list(memo.arrays["gathered/states"])
        self._actions = memo.arrays["gathered/actions"].tolist()
        self._returns = memo.arrays["gathered/returns"].tolist()
        self._times = memo.arrays["gathered/times"].tolist()
        self._gathered = memo.values["gathered"]
        self._rng.bit_generator.state = memo.values["rng"]

    def policy(self) -> tuple[str, Arrays]:
        """As `Learner.policy`."""
        return "network", weights(self._policy)

    def _draw(self, state: np.ndarray[Any, Any]) -> int:
        """Draw an action by the policy's probabilities (Gumbel 1954)."""
        with torch.inference_mode():
            logits = self._policy(torch.from_numpy(state)).numpy()
        return int(np.argmax(logits + self._rng.gumbel(size=len(logits))))

    def _update(self, progress: float) -> dict[str, float]:
        """Take one step up the policy's gradient, and down the baseline's error."""
        settings = self._settings
        scale = 1 + (settings.rate_end - 1) * progress
        rates = (settings.rate, settings.baseline_rate)
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * scale
        states = torch.from_numpy(np.array(self._states))
        actions = torch.tensor(self._actions)
        later = torch.tensor(self._returns, dtype=torch.float32)
        foreseen = self._baseline(states).squeeze(1)
        every = torch.log_softmax(self._policy(states), dim=1)
        logprobs = every.gather(1, actions.unsqueeze(1)).squeeze(1)
        weight: Tensor | float = 1.0
        if settings.discount_states:
            weight = settings.discount ** torch.tensor(self._times, dtype=torch.float32)
        advantages = later - foreseen
        loss = surrogate(logprobs, advantages, weight) / len(later)
        entropy = -(every.exp() * every).sum(1).mean()
        error = nn.functional.mse_loss(foreseen, later)
        whole = loss - settings.entropy * entropy + error
        checked(whole)
        self._optimiser.zero_grad()
        whole.backward()  # type: ignore[no-untyped-call]
        for module in (self._policy, self._baseline):
            nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        self._optimiser.step()
        self._states, self._actions, self._returns, self._times = [], [], [], []
        self._gathered = 0
        told = {"loss": loss, "entropy": entropy, "baseline": error}
        return {name: float(one.detach()) for name, one in told.items()}
