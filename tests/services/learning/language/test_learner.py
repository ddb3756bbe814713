"""The learner: what is worth more becomes likelier, and a run that goes on is the same run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagentos.services.learning.embedded.checkpoint import export
from llmagentos.services.learning.embedded.model import Shape, build
from llmagentos.services.learning.embedded.tokenizer import train_tokenizer
from llmagentos.services.learning.language.learner import Diverged, Learner
from llmagentos.services.learning.language.lesson import Action, Lesson
from llmagentos.services.learning.language.recipe import Language
from llmagentos.syscalls.errors import InvalidArgument


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights, as it stands in the store."""
    where = tmp_path_factory.mktemp("tiny")
    tokenizer = train_tokenizer(vocabulary_size=400)
    export(build(tokenizer, Shape(width=32, inner=64, heads=2, pairs=1), 0), tokenizer, where)
    return where


def recipe(**settings: Any) -> Language:
    return Language(model="tiny", publish="better", suite="tasks.jsonl", **settings)


def good_and_bad() -> list[Lesson]:
    """Two ways to go on from the same beginning, of which one is worth more."""
    return [
        Lesson(
            ids=[10, 11, 12, *tokens],
            actions=[Action(start=3, end=3 + len(tokens), logprob=None)],
            advantage=worth,
        )
        for tokens, worth in (([20, 21, 22], 1.0), ([30, 31], -1.0))
    ]


def likelihood(learner: Learner, tokens: list[int]) -> float:
    ids = torch.tensor([[10, 11, 12, *tokens]])
    with torch.inference_mode():
        scores = learner.model(ids).logits[0, 2:-1].log_softmax(-1)
    return float(scores.gather(-1, torch.tensor(tokens)[:, None]).sum())


def test_what_was_worth_more_becomes_likelier(folder: Path) -> None:
    learner = Learner.load(folder, recipe(rate=1e-3, updates=1))
    before = likelihood(learner, [20, 21, 22]), likelihood(learner, [30, 31])
    for seed in range(5):
        figures = learner.learn(good_and_bad(), 1.0, seed)
    after = likelihood(learner, [20, 21, 22]), likelihood(learner, [30, 31])
    assert after[0] > before[0] and after[1] < before[1]
    assert set(figures) == {"loss", "clipped", "moved", "norm", "strange"}


def test_likelihoods_are_the_models_own(folder: Path) -> None:
    learner = Learner.load(folder, recipe())
    with torch.inference_mode():
        (first, second), own = learner._logprobs(learner.model, good_and_bad())
    assert float(first.sum()) == pytest.approx(likelihood(learner, [20, 21, 22]), abs=1e-4)
    assert float(second.sum()) == pytest.approx(likelihood(learner, [30, 31]), abs=1e-4)
    assert all(map(torch.equal, (first, second), own))
    cooler = Learner.load(folder, recipe(temperature=0.5))
    with torch.inference_mode():
        drawn, own = cooler._logprobs(cooler.model, good_and_bad())
    assert float(own[0].sum()) == pytest.approx(likelihood(learner, [20, 21, 22]), abs=1e-4)
    assert float(drawn[0].sum()) != pytest.approx(float(own[0].sum()), abs=1e-3)


def test_a_turn_that_was_drawn_from_another_model_is_left_out(folder: Path) -> None:
    learner = Learner.load(folder, recipe())
    own = likelihood(learner, [20, 21, 22])
    first, second = good_and_bad()
    first.actions = [Action(start=3, end=6, logprob=own)]
    second.actions = [Action(start=3, end=5, logprob=own + 40)]
    assert learner.learn([first, second], 1.0, 0)["strange"] == 1


def test_a_run_that_goes_on_is_the_same_run(folder: Path, tmp_path: Path) -> None:
    whole = Learner.load(folder, recipe())
    for seed in range(4):
        whole.learn(good_and_bad(), 1.0, seed)

    half = Learner.load(folder, recipe())
    for seed in range(2):
        half.learn(good_and_bad(), 1.0, seed)
    half.export(tmp_path / "half")
    torch.save(half.state(), tmp_path / "state.pt")

    rest = Learner.load(tmp_path / "half", recipe())
    rest.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    for seed in range(2, 4):
        rest.learn(good_and_bad(), 1.0, seed)
    for one, other in zip(whole.model.parameters(), rest.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_reference_keeps_the_model_nearer(folder: Path) -> None:
    free, bound = (Learner.load(folder, recipe(rate=1e-3, kl=kl)) for kl in (0.0, 5.0))
    before = likelihood(free, [20, 21, 22])
    for learner in (free, bound):
        for seed in range(8):
            learner.learn(good_and_bad(), 1.0, seed)
    assert abs(likelihood(bound, [20, 21, 22]) - before) < abs(
        likelihood(free, [20, 21, 22]) - before
    )


def test_a_loss_that_is_no_number_ends_it(folder: Path) -> None:
    learner = Learner.load(folder, recipe())
    lessons = good_and_bad()
    lessons[0].advantage = math.nan
    with pytest.raises(Diverged):
        learner.learn(lessons, 1.0, 0)


def test_nothing_to_learn_changes_nothing(folder: Path) -> None:
    learner = Learner.load(folder, recipe())
    before = [one.clone() for one in learner.model.parameters()]
    too_long = Lesson(ids=[1] * 5000, actions=[Action(start=1, end=2, logprob=None)], advantage=1.0)
    learner.learn([too_long], 1.0, 0)
    assert all(map(torch.equal, before, learner.model.parameters()))


def test_what_is_no_causal_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(InvalidArgument, match="tiny is no causal language model"):
        Learner.load(tmp_path, recipe())
