"""Q-learning over a network, with replay and a target network.

Mnih et al., Human-level control through deep reinforcement learning, Nature 518 (2015): the loss is
Huber's of r + gamma max Q⁻(s',·) - Q(s,a), where Q⁻ is an older copy of Q. With `double` the action
is chosen by Q and valued by Q⁻ (van Hasselt, Guez and Silver 2016).

Interface:
    DeepLearner     the learner
    targets         what Q is to be
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .learner import Arrays, Env, Memo, Played
from .network import Saved, checked, perceptron, trusting, vector, weights
from .recipe import Deep
from .replay import Replay


def targets(
    online: nn.Module,
    older: nn.Module,
    reward: Tensor,
    after: Tensor,
    ended: Tensor,
    *,
    discount: float,
    double: bool,
) -> Tensor:
    """Return r + gamma Q⁻(s', argmax …), without what follows an end; all of shape (batch,), but
    `after` (batch, features)."""
    with torch.no_grad():
        values = older(after)
        if double:
            best = values.gather(1, online(after).argmax(1, keepdim=True)).squeeze(1)
        else:
            best = values.max(1).values
        wanted: Tensor = reward + discount * (1.0 - ended) * best
    return wanted


class DeepLearner:
    """Owns the networks, the memory and the optimiser."""

    def __init__(
        self, settings: Deep, numbered: bool, size: int, actions: int, trust: float = 0.0
    ) -> None:
        """`trust`: where it is not 0, Q begins as the last inputs, one for each action, times
        that; there is no hidden layer then."""
        self._settings = settings
        self._numbered, self._size, self._actions = numbered, size, actions
        torch.manual_seed(settings.seed)
        self._rng = np.random.default_rng(settings.seed)
        if trust:
            self._online = trusting(size, actions, trust)
        else:
            self._online = perceptron(size, settings.hidden, actions)
        self._target = deepcopy(self._online)
        self._optimiser = torch.optim.Adam(self._online.parameters(), lr=settings.rate)
        self._saved = Saved(self._optimiser, online=self._online, target=self._target)
        self._replay = Replay(settings.memory, size)
        self._steps = self._updates = 0

    def play(self, env: Env, seed: int, progress: float) -> Played:
        """As `Learner.play`."""
        settings = self._settings
        explore = settings.explore.at(progress)
        rate = settings.rate * (1 + (settings.rate_end - 1) * progress)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        state = self._vector(env.reset(seed))
        total, steps, losses = 0.0, 0, []
        while True:
            action = self._choose(state, explore)
            observation, reward, ended, cut = env.step(action)
            after = self._vector(observation)
            self._replay.add(state, action, reward, after, ended)
            state = after
            total, steps, self._steps = total + reward, steps + 1, self._steps + 1
            if self._replay.count >= settings.warmup and self._steps % settings.every == 0:
                losses.append(self._update())
            if ended or cut:
                metrics = {"explore": explore, "rate": rate}
                if losses:
                    metrics["loss"] = sum(losses) / len(losses)
                return Played(reward=total, steps=steps, metrics=metrics)

    def memo(self) -> Memo:
        """As `Learner.memo`."""
        values = {
            "rng": self._rng.bit_generator.state,
            "count": self._replay.count,
            "steps": self._steps,
            "updates": self._updates,
        }
        return Memo(arrays={**self._saved.arrays(), **self._replay.arrays()}, values=values)

    def restore(self, memo: Memo) -> None:
        """As `Learner.restore`."""
        self._saved.restore(memo.arrays)
        self._replay.restore(memo.arrays, memo.values["count"])
        self._rng.bit_generator.state = memo.values["rng"]
        self._steps, self._updates = memo.values["steps"], memo.values["updates"]

    def policy(self) -> tuple[str, Arrays]:
        """As `Learner.policy`."""
        return "network", weights(self._online)

    def _vector(self, observation: Any) -> np.ndarray[Any, Any]:
        return vector(observation, self._numbered, self._size)

    def _choose(self, state: np.ndarray[Any, Any], explore: float) -> int:
        if explore and self._rng.random() < explore:
            return int(self._rng.integers(self._actions))
        with torch.inference_mode():
            return int(self._online(torch.from_numpy(state)).argmax())

    def _update(self) -> float:
        """Take one step down the loss of a batch, and return the loss."""
        settings = self._settings
        state, action, reward, after, ended = map(
            torch.from_numpy, self._replay.sample(self._rng, settings.batch)
        )
        wanted = targets(
            self._online, self._target, reward, after, ended,
            discount=settings.discount, double=settings.double,
        )  # fmt: skip
        held = self._online(state).gather(1, action.unsqueeze(1)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(held, wanted)
        value = checked(loss)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._online.parameters(), settings.clip)
        self._optimiser.step()
        self._updates += 1
        if self._updates % settings.target == 0:
            self._target.load_state_dict(self._online.state_dict())
        return value
