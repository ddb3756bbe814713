"""Q-learning over a table finds what value iteration computes."""

from __future__ import annotations

from itertools import product

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.services.learning.rl.recipe import Tabular
from llmagentos.services.learning.rl.schedule import Schedule
from llmagentos.services.learning.rl.tabular import TableLearner
from llmagentos.services.learning.rl.world import Guarded

from .mdp import (
    Process,
    Walk,
    evaluation,
    of_table,
    value_iteration,
)

ALWAYS = Schedule(first=1.0, last=1.0)


@st.composite
def processes(draw: st.DrawFn) -> Process:
    """Up to four states and three actions; each action ends the episode with some chance."""
    states, actions = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chances = rng.dirichlet(np.full(states + 1, 0.5), size=(states, actions))
    rewards = rng.uniform(-1, 1, (states, actions)).round(3)
    return Process(transitions=chances[:, :, 1:], rewards=rewards)


def learner(process: Process, discount: float, **how: float) -> TableLearner:
    settings = Tabular(episodes=1, discount=discount, explore=ALWAYS, floor=0.0, **how)
    return TableLearner(settings, *process.rewards.shape)


@settings(max_examples=15)
@given(processes(), st.sampled_from([0.0, 0.5, 0.8]))
def test_values_come_to_those_of_value_iteration(process: Process, discount: float) -> None:
    best = value_iteration(process, discount)
    learnt = learner(process, discount, power=0.8)
    states, actions = process.rewards.shape
    rng = np.random.default_rng(0)
    for _ in range(4000):
        for state, action in product(range(states), range(actions)):
            reached = np.cumsum(process.transitions[state, action])
            after = int(np.searchsorted(reached, rng.random(), side="right"))
            reward = float(process.rewards[state, action])
            learnt.learn(state, action, reward, after if after < states else None)
    assert np.abs(np.array(learnt.values) - best).max() < 0.12


@given(processes(), st.sampled_from([0.0, 0.5, 0.9]))
def test_value_iteration_is_the_value_of_its_own_greedy_policy(
    process: Process, discount: float
) -> None:
    best = value_iteration(process, discount)
    greedy = np.eye(best.shape[1])[best.argmax(1)]
    assert evaluation(process, greedy, discount) == pytest.approx(best.max(1), abs=1e-8)
    assert best == pytest.approx(process.rewards + discount * process.transitions @ best.max(1))


def test_policy_learnt_by_playing_is_as_good_as_the_best() -> None:
    chain = np.zeros((3, 2, 3))
    chain[0, 0, 1] = chain[1, 0, 2] = 1.0  # Action 1 ends it; action 0 goes on to the prize.
    process = Process(transitions=chain, rewards=np.array([[0, 0.3], [0, 0.3], [1.0, 0.0]]))
    learnt = learner(process, 0.9)
    env = Guarded(Walk(process), "walk")
    for episode in range(300):
        learnt.play(env, episode, 0.0)
    best = value_iteration(process, 0.9)
    assert np.array(learnt.values) == pytest.approx(best, abs=0.05)
    assert np.array(learnt.values).argmax(1).tolist() == best.argmax(1).tolist() == [0, 0, 0]


def test_what_comes_after_a_cut_is_counted_and_after_an_end_is_not() -> None:
    learnt = learner(Process(transitions=np.zeros((2, 1, 2)), rewards=np.zeros((2, 1))), 0.5)
    learnt.learn(1, 0, 8.0, None)
    learnt.learn(0, 0, 1.0, 1)
    assert learnt.values == [[5.0], [8.0]]


def test_table_of_an_environment_is_read_with_its_ends() -> None:
    env = gymnasium.make("FrozenLake-v1", is_slippery=True)
    process = of_table(env.unwrapped.P)  # type: ignore[attr-defined]
    env.close()
    best = value_iteration(process, 1.0, tolerance=1e-9)
    # Where there is all the time in the world, the lake is crossed 14 times out of 17.
    assert best[0].max() == pytest.approx(14 / 17, abs=1e-4)
    assert process.transitions[15].sum() == 0


def test_schedule_falls_and_then_stays() -> None:
    schedule = Schedule(first=1.0, last=0.2, share=0.5)
    assert [schedule.at(one) for one in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([1, 0.6, 0.2, 0.2])
