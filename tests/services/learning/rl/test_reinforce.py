"""The policy gradient's estimate, in expectation over every course that an episode can take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from llmagentos.services.learning.rl.recipe import Gradient
from llmagentos.services.learning.rl.reinforce import GradientLearner, returns, surrogate
from llmagentos.services.learning.rl.world import Guarded

from .mdp import Process, Walk

HORIZON, DISCOUNT = 3, 0.8
RNG = np.random.default_rng(3)
PROCESS = Process(
    transitions=RNG.dirichlet([1.0, 1.0, 1.0], size=(2, 2))[:, :, 1:],
    rewards=RNG.normal(size=(2, 2)),
)
#: States, actions and rewards of an episode, and how likely its states follow from its actions.
Course = tuple[list[int], list[int], list[float], float]


def courses(state: int, left: int) -> Iterator[Course]:
    """Yield every course from a state on."""
    for action in range(2):
        reward = float(PROCESS.rewards[state, action])
        chances = PROCESS.transitions[state, action]
        ends = 1.0 if left == 1 else 1.0 - float(chances.sum())
        yield [state], [action], [reward], ends
        if left > 1:
            for after, chance in enumerate(chances):
                for states, actions, rewards, likely in courses(after, left - 1):
                    yield (
                        [state, *states], [action, *actions], [reward, *rewards],
                        float(chance) * likely,
                    )  # fmt: skip


def expected(logits: torch.Tensor) -> float:
    """Return the expected discounted return of a softmax policy, logits (states, actions)."""
    every = torch.log_softmax(logits, dim=1)
    total = 0.0
    for states, actions, rewards, likely in courses(0, HORIZON):
        chance = likely * float(every[states, actions].sum().exp())
        total += chance * returns(rewards, DISCOUNT)[0]
    return total


def estimate(logits: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
    """Return the expectation of the estimate, each course by its chance."""
    found = torch.zeros_like(logits)
    for states, actions, rewards, likely in courses(0, HORIZON):
        held = logits.clone().requires_grad_()
        logprobs = torch.log_softmax(held, dim=1)[states, actions]
        chance = likely * float(logprobs.detach().sum().exp())
        later = torch.tensor(returns(rewards, DISCOUNT), dtype=logits.dtype)
        weight = DISCOUNT ** torch.arange(len(states), dtype=logits.dtype)
        surrogate(logprobs, later - baseline[states], weight).backward()
        assert held.grad is not None
        found -= chance * held.grad
    return found


@pytest.mark.parametrize("baseline", [[0.0, 0.0], [1.5, -2.0]], ids=["none", "some"])
def test_expected_estimate_is_the_gradient_by_finite_differences(baseline: list[float]) -> None:
    logits = torch.tensor([[0.3, -0.2], [-0.7, 0.4]], dtype=torch.float64)
    slope = torch.zeros_like(logits)
    for place in np.ndindex(2, 2):
        step = torch.zeros_like(logits)
        step[place] = 1e-5
        slope[place] = (expected(logits + step) - expected(logits - step)) / 2e-5
    held = estimate(logits, torch.tensor(baseline, dtype=torch.float64))
    assert held.numpy() == pytest.approx(slope.numpy(), abs=1e-8)


def test_chances_of_all_courses_sum_to_one() -> None:
    total = sum(0.5 ** len(actions) * likely for _, actions, _, likely in courses(0, HORIZON))
    assert total == pytest.approx(1.0)


def test_returns_are_what_was_still_to_come() -> None:
    assert returns([1.0, 0.0, 2.0], 0.5) == [1.5, 1.0, 2.0]
    assert returns([], 0.5) == []


@pytest.mark.parametrize("weighed", [False, True])
def test_better_action_becomes_the_likelier_one(weighed: bool) -> None:
    process = Process(transitions=np.zeros((1, 2, 1)), rewards=np.array([[0.0, 1.0]]))
    settings = Gradient(
        episodes=1, hidden=[], rate=0.1, batch=8, discount_states=weighed, entropy=0.001
    )
    learner = GradientLearner(settings, True, 1, 2)
    env = Guarded(Walk(process), "bandit")
    late = [learner.play(env, number, 0.0).reward for number in range(400)][-100:]
    assert np.mean(late) > 0.9
    form, arrays = learner.policy()
    assert form == "network" and arrays["0.weight"].shape == (2, 1)
