"""A job that learns in a world: to the end, stopped and gone on with, and in worlds that break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from safetensors.numpy import load_file

from llmagentos.services.learning.job import Stopped
from llmagentos.services.learning.rl.policy import load
from llmagentos.services.learning.rl.recipe import read
from llmagentos.syscalls.errors import DeviceError, InvalidArgument

from .stand_in import StandIn

LAKE = """
name = "lake"
[job]
kind = "rl"
algorithm = "q"
[world]
id = "FrozenLake-v1"
arguments = { is_slippery = false }
[learning]
episodes = 400
seed = 3
[evaluation]
every = 50
quick = 1
episodes = 5
"""
POLE = """
[job]
kind = "rl"
algorithm = "ALGORITHM"
[world]
id = "CartPole-v1"
[learning]
episodes = 24
hidden = [8]
batch = 5
SETTINGS
[evaluation]
every = 8
quick = 1
episodes = 2
"""


class Broken(gymnasium.Env[int, int]):
    """A world that does one thing wrong."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, how: str, **_: Any) -> None:
        self._how = how
        if how == "unmade":
            raise RuntimeError("no such ground\nat all")
        if how == "pictures":
            self.observation_space = gymnasium.spaces.Text(5)  # type: ignore[assignment]
        if how == "levers":
            self.action_space = gymnasium.spaces.Box(0, 1, (2,))  # type: ignore[assignment]

    def reset(self, **_: Any) -> tuple[int, dict[str, Any]]:
        if self._how == "reset":
            raise KeyError("lost")
        return 0, {}

    def step(self, action: int) -> tuple[int, Any, bool, bool, dict[str, Any]]:
        if self._how == "crash":
            raise ZeroDivisionError("by zero")
        rewards: dict[str, Any] = {"nan": float("nan"), "text": "much"}
        return 0, rewards.get(self._how, 1.0), True, False, {}


@pytest.fixture(autouse=True)
def broken() -> Iterator[None]:
    gymnasium.register("Broken-v0", entry_point=Broken)
    yield
    gymnasium.registry.pop("Broken-v0")


def pole(algorithm: str) -> str:
    settings = "warmup = 20\nevery = 3" if algorithm == "dqn" else ""
    return POLE.replace("ALGORITHM", algorithm).replace("SETTINGS", settings)


def test_policy_is_published_with_its_scores(tmp_path: Path) -> None:
    job = StandIn(tmp_path, LAKE)
    scores = job.learn()
    assert scores == {"return": 1.0, "deviation": 0.0, "solved": 1.0}
    (published,) = job.published
    assert published["name"] == "lake" and published["kind"] == "policy"
    assert published["scores"] == scores
    assert published["data"] == {"world": "FrozenLake-v1", "episodes": 400, "seed": 3}
    policy = load(published["folder"])
    assert len(policy.scores(0)) == 4 and policy.actions == ["0", "1", "2", "3"]
    assert job.begun == [(400, 0)]
    assert job.told[0] == (0, {"return_greedy": 0.0})
    assert {"return", "length", "explore"} <= job.told[1][1].keys()
    assert job.remarks == []
    assert list((tmp_path / "tensorboard").iterdir())


def test_learning_stops_where_the_goal_is_reached(tmp_path: Path) -> None:
    job = StandIn(tmp_path, LAKE.replace("quick = 1", "quick = 1\ngoal = 1.0"))
    assert job.learn()["return"] == 1.0
    assert job.published[0]["data"]["episodes"] < 400


def test_policy_that_is_no_better_than_before_is_published_with_a_word(tmp_path: Path) -> None:
    text = LAKE.replace("episodes = 400", "episodes = 3").replace("every = 50", "every = 1")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    job = StandIn(whole, text)
    job.learn()
    assert job.published[0]["scores"]["return"] == 0
    with pytest.raises(Stopped):
        StandIn(stopped, text, stop=2).learn()
    again = StandIn(stopped, text)
    again.learn()
    said = "nothing was learnt: return_greedy was 0 at the beginning, and 0 at best"
    assert job.remarks == again.remarks == [said]


@pytest.mark.parametrize("algorithm", ["q", "dqn", "reinforce"])
def test_stopped_job_goes_on_to_the_same_end(tmp_path: Path, algorithm: str) -> None:
    text = LAKE if algorithm == "q" else pole(algorithm)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    once = StandIn(whole, text)
    once.learn()
    first = StandIn(parts, text, stop=10)
    with pytest.raises(Stopped):
        first.learn()
    assert first.published == []
    second = StandIn(parts, text)
    second.learn()
    assert second.begun[0][1] == max(step for step, _ in first.told) > 0
    ours, theirs = (
        load_file(one.published[0]["folder"] / "model.safetensors") for one in (once, second)
    )
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    last = [metrics for _, metrics in once.told if "return" in metrics]
    again = [metrics for _, metrics in second.told if "return" in metrics]
    assert again == last[-len(again) :]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("unmade", InvalidArgument, "no such ground$"),
        ("pictures", InvalidArgument, "observations"),
        ("levers", InvalidArgument, "actions"),
        ("reset", DeviceError, "Broken-v0 has crashed: KeyError"),
        ("crash", DeviceError, "crashed: ZeroDivisionError: by zero"),
        ("nan", DeviceError, "reward of nan"),
        ("text", DeviceError, "reward of 'much'"),
    ],
)
def test_world_that_breaks_is_a_typed_error(
    tmp_path: Path, how: str, error: type[Exception], message: str
) -> None:
    text = LAKE.replace("FrozenLake-v1", "Broken-v0").replace("is_slippery = false", f"how='{how}'")
    job = StandIn(tmp_path, text)
    with pytest.raises(error, match=message):
        job.learn()
    assert job.published == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FrozenLake-v1", "FrozenLike-v1", "FrozenLike"),
        ("is_slippery = false", "depth = 7", "depth"),
        ("FrozenLake-v1", "CartPole-v1", "."),
        ('"FrozenLake-v1"', '"nowhere:Lake-v0"', "nowhere"),
    ],
)
def test_world_that_cannot_be_made_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        StandIn(tmp_path, LAKE.replace(old, new)).learn()


def test_table_is_refused_for_a_world_without_numbered_states(tmp_path: Path) -> None:
    text = LAKE.replace("FrozenLake-v1", "CartPole-v1").replace("is_slippery = false", "")
    with pytest.raises(InvalidArgument, match="take dqn"):
        StandIn(tmp_path, text).learn()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("episodes = 400", "", r"job\.toml: \[learning\] episodes: Field required"),
        ("seed = 3", "sede = 3", r"job\.toml: \[learning\] knows no sede; it knows .*seed"),
        ("seed = 3", "discount = 2", r"discount: .* less than or equal to 1"),
        ("seed = 3", "explore = { first = 2, last = 0 }", r"explore\.first"),
        ("[world]", "[wrold]", "wrold"),
        ("[evaluation]", "[episodes]\nfile = 'a'\n[evaluation]", r"one of \[world\]"),
        ("every = 50", "every = 0", r"evaluation\.every"),
        ("every = 50", "evry = 5", r"knows no evaluation\.evry; it knows .*quick"),
    ],
)
def test_wrong_recipe_is_refused_by_its_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    job = StandIn(tmp_path, LAKE.replace(old, new, 1))
    with pytest.raises(InvalidArgument, match=message):
        read(job.recipe, job.file)
