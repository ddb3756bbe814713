"""Q-learning over a network: its targets, its memory, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmagentos.services.learning.rl.dqn import DeepLearner, targets
from llmagentos.services.learning.rl.network import perceptron
from llmagentos.services.learning.rl.policy import Policy
from llmagentos.services.learning.rl.recipe import Deep
from llmagentos.services.learning.rl.replay import Replay
from llmagentos.services.learning.rl.schedule import Schedule
from llmagentos.services.learning.rl.world import Guarded
from llmagentos.syscalls.errors import InvalidArgument

from .mdp import Process, Walk, value_iteration


def linear(*rows: list[float]) -> torch.nn.Sequential:
    """A network that is one matrix, (actions, features)."""
    made = perceptron(len(rows[0]), [], len(rows))
    with torch.no_grad():
        made[0].weight.copy_(torch.tensor(rows))  # type: ignore[operator]
        made[0].bias.zero_()  # type: ignore[operator]
    return made


@pytest.mark.parametrize(
    ("double", "wanted"), [(False, [1 + 0.5 * 7, 2]), (True, [1 + 0.5 * 3, 2])]
)
def test_target_is_chosen_by_one_network_and_valued_by_the_other(
    double: bool, wanted: list[float]
) -> None:
    online, older = linear([2.0], [1.0]), linear([3.0], [7.0])
    found = targets(
        online, older, torch.tensor([1.0, 2.0]), torch.ones(2, 1), torch.tensor([0.0, 1.0]),
        discount=0.5, double=double,
    )  # fmt: skip
    assert found.tolist() == wanted and not found.requires_grad


def test_memory_overwrites_the_oldest_and_is_restored() -> None:
    replay = Replay(3, 1)
    for number in range(5):
        state = np.array([number], dtype=np.float32)
        replay.add(state, number, float(number), state + 1, number == 4)
    other = Replay(3, 1)
    other.restore(replay.arrays(), replay.count)
    for one in (replay, other):
        state, action, reward, after, ended = one.sample(np.random.default_rng(0), 100)
        assert set(action.tolist()) == {2, 3, 4}
        assert (after - state == 1).all() and (reward == action).all()
        assert ((ended == 1) == (action == 4)).all()


def test_values_of_a_small_process_are_learnt() -> None:
    chain = np.zeros((3, 2, 3))
    chain[0, 0, 1] = chain[1, 0, 2] = 1.0
    process = Process(transitions=chain, rewards=np.array([[0, 0.3], [0, 0.3], [1.0, 0.0]]))
    settings = Deep(
        episodes=1, discount=0.9, hidden=[], rate=0.02, warmup=32, batch=32, target=20, every=2,
        explore=Schedule(first=1.0, last=1.0),
    )  # fmt: skip
    learner = DeepLearner(settings, True, 3, 2)
    env = Guarded(Walk(process), "walk")
    for episode in range(300):
        learner.play(env, episode, 0.0)
    form, arrays = learner.policy()
    policy = Policy({"form": form, "actions": ["on", "out"]}, arrays)
    held = np.array([policy.scores(state) for state in range(3)])
    assert held == pytest.approx(value_iteration(process, 0.9), abs=0.1)


def test_loss_that_is_no_number_is_refused() -> None:
    settings = Deep(episodes=1, hidden=[], warmup=1, batch=4)
    learner = DeepLearner(settings, True, 1, 2)
    for parameter in learner._online.parameters():
        parameter.data.fill_(float("nan"))
    process = Process(transitions=np.zeros((1, 2, 1)), rewards=np.zeros((1, 2)))
    with pytest.raises(InvalidArgument, match="diverged"):
        learner.play(Guarded(Walk(process), "walk"), 0, 0.0)
