"""A training ends with the weights that did best on held-out data, or says that none did better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.training.best import Best
from llmagentos.services.learning.training.checkpoints import Checkpoints
from llmagentos.syscalls.errors import InputOutputError, InvalidArgument

from .test_harness import Killed, kill_at
from .tiny import harness, losses, model

Make = Callable[..., Job]


class Looks:
    """Held-out losses as they are told, one a look; what the weights were at each."""

    def __init__(self, losses: Sequence[float]) -> None:
        self._losses = list(losses)
        self.weights: list[dict[str, Any]] = []

    def __call__(self, model: Any) -> dict[str, float]:
        self.weights.append({name: one.clone() for name, one in model.state_dict().items()})
        return {"held_out_loss": self._losses[len(self.weights) - 1], "other": len(self.weights)}


def same(model: Any, weights: dict[str, Any]) -> bool:
    return all(torch.equal(one, weights[name]) for name, one in model.state_dict().items())


def train(job: Job, looks: Looks, trained: Any = None, **more: Any) -> dict[str, float]:
    settings = {"evaluate_every": 3, "evaluate": looks, "model": trained or model()}
    return harness(job, **(settings | more)).run()


def test_the_weights_that_did_best_are_those_it_ends_with(
    make_job: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    job, looks, trained = make_job(), Looks([4, 3, 2, 3.5, 5]), model()
    metrics = train(job, looks, trained)
    assert (metrics["held_out_loss"], metrics["other"]) == (2, 3)
    assert same(trained, looks.weights[2]) and not same(trained, looks.weights[4])
    said = "held_out_loss was best at step 6, 2, and 5 at step 12: the model is that of step 6"
    assert said in capsys.readouterr().err


def test_a_training_whose_loss_falls_says_nothing_of_it(
    make_job: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    looks, trained = Looks([4, 3, 2.5, 2, 1]), model()
    assert train(make_job(), looks, trained)["held_out_loss"] == 1
    assert same(trained, looks.weights[4])
    assert "held_out_loss" not in capsys.readouterr().err


def test_a_training_that_only_did_worse_than_it_began_is_an_error(make_job: Make) -> None:
    with pytest.raises(InvalidArgument, match=r"nothing was learnt: held_out_loss was 4 at the"):
        train(make_job(), Looks([4, 5, 6, 7, 8]))
    # Nor does asking again make a model of it.
    with pytest.raises(InvalidArgument, match="nothing was learnt"):
        train(make_job(), Looks([]))


def test_a_training_that_did_as_well_as_before_is_none(make_job: Make) -> None:
    assert train(make_job(), Looks([4, 5, 4, 5, 4]))["held_out_loss"] == 4


def test_of_what_is_no_loss_the_highest_is_the_best(make_job: Make) -> None:
    looks, trained = Looks([0.2, 0.9, 0.8, 0.7, 0.6]), model()

    def accuracy(model: Any) -> dict[str, float]:
        return {"accuracy": looks(model)["held_out_loss"], "held_out_loss": 1.0}

    metrics = train(make_job(), looks, trained, evaluate=accuracy, measure="accuracy")
    assert metrics["accuracy"] == 0.9
    assert same(trained, looks.weights[1])


def test_who_wants_the_last_weights_gets_them_with_a_word(
    make_job: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    looks, trained = Looks([4, 5, 6, 7, 8]), model()
    assert train(make_job(), looks, trained, keep="last")["held_out_loss"] == 8
    assert same(trained, looks.weights[4])
    assert (
        "best at step 0, 4, and 8 at step 12: the model is that of step 12, as"
        in capsys.readouterr().err
    )


def test_patience_ends_a_training_that_gets_no_better(make_job: Make) -> None:
    job, looks, trained = make_job(), Looks([4, 2, 3, 3]), model()
    assert train(job, looks, trained, patience=2)["held_out_loss"] == 2
    assert sorted(losses(job)) == list(range(1, 10))
    assert same(trained, looks.weights[1])
    # It has ended, and is not trained on by whoever asks again.
    again = model()
    assert train(make_job(), Looks([]), again, patience=2)["held_out_loss"] == 2
    assert same(again, looks.weights[1])


def test_a_killed_training_ends_with_the_same_weights(make_job: Make, tmp_path: Path) -> None:
    seen = [4, 3, 2, 3.5, 5]
    whole = make_job()
    whole.folder, whole.checkpoints = tmp_path / "whole", tmp_path / "whole/checkpoints"
    trained = model()
    train(whole, Looks(seen), trained)
    # The best was seen at step 6, past the checkpoint of step 4.
    killed = make_job()
    kill_at(killed, 7)
    with pytest.raises(Killed):
        train(killed, Looks(seen))
    resumed = model()
    train(make_job(), Looks(seen[2:]), resumed)
    assert same(resumed, trained.state_dict())


def test_a_training_that_begins_anew_forgets_what_did_best_before(make_job: Make) -> None:
    killed = make_job()
    kill_at(killed, 3)
    with pytest.raises(Killed):
        train(killed, Looks([4, 0.5]), evaluate_every=2)
    with pytest.raises(InvalidArgument, match="nothing was learnt"):
        train(make_job(), Looks([4, 5, 5, 5, 5]))


def test_a_held_out_loss_that_is_no_number_ends_the_training(make_job: Make) -> None:
    with pytest.raises(InvalidArgument, match=r"held_out_loss is nan at step 6; .* of step 4"):
        train(make_job(), Looks([4, 3, float("nan")]))


def test_best_weights_that_are_spoilt_are_told_of(make_job: Make, tmp_path: Path) -> None:
    best = Best(Checkpoints(tmp_path, {}), {}, "held_out_loss")
    best.begin({"held_out_loss": 4}, resumed=False)
    best.look(model(), 2, {"held_out_loss": 3})
    (tmp_path / "best/step-00000002/weights.pt").write_bytes(b"half")
    with pytest.raises(InputOutputError, match="--fresh"):
        best.settle(model(), 4, {"held_out_loss": 5}, "best")


def test_best_weights_that_cannot_be_kept_leave_the_checkpoint(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full(what: Any, path: Path) -> None:
        if path.name == "weights.pt":
            raise OSError(28, "No space left on device")
        save(what, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputOutputError, match=r"step 6: No space left .*checkpoints/step-0+4$"):
        train(make_job(), Looks([4, 3, 2]), evaluate_every=6)
