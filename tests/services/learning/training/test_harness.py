from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from llmagentos.services.learning.job import Job, Stopped
from llmagentos.services.learning.training import state
from llmagentos.syscalls.errors import InputOutputError, InvalidArgument, QuotaExceeded

from .tiny import evaluate, examples, harness, losses, model

Make = Callable[..., Job]


class Killed(BaseException):
    """As little is done after it as after SIGKILL."""


def kill_at(job: Job, step: int) -> None:
    """Let a job be killed at the end of a step."""
    report = job.report

    def killing(at: int, *more: Any, **named: Any) -> None:
        report(at, *more, **named)
        if at == step:
            raise Killed

    job.report = killing  # type: ignore[method-assign]


def steps(job: Job) -> list[str]:
    return sorted(one.name for one in job.checkpoints.iterdir())


def test_training_runs_to_its_end_and_says_what_it_came_to(make_job: Make) -> None:
    job = make_job()
    metrics = harness(job).run()
    assert metrics.keys() >= {"loss", "gradient", "rate", "held_out"}
    assert job.os.learning.begun == [  # type: ignore[attr-defined]
        {"kind": "pretrain", "name": "tiny", "total": 12, "step": 0}
    ]
    assert sorted(losses(job)) == list(range(1, 13))
    assert steps(job) == ["step-00000008", "step-00000012"]


@pytest.mark.parametrize("more", [{}, {"accumulate": 2}, {"precision": "bfloat16"}])
def test_a_killed_training_goes_on_as_if_nothing_had_been(
    make_job: Make, tmp_path: Path, more: dict[str, Any]
) -> None:
    whole = make_job()
    whole.folder = tmp_path / "whole"
    whole.checkpoints = tmp_path / "whole/checkpoints"
    trained = model()
    harness(whole, model=trained, **more).run()

    killed = make_job()
    kill_at(killed, 7)
    with pytest.raises(Killed):
        harness(killed, **more).run()
    again = make_job()
    resumed = model()
    harness(again, model=resumed, **more).run()
    assert again.os.learning.begun[0]["step"] == 4  # type: ignore[attr-defined]
    assert losses(again) == losses(whole)
    for one, other in zip(resumed.parameters(), trained.parameters(), strict=True):
        assert torch.equal(one, other)


def test_looking_at_held_out_data_changes_nothing(make_job: Make, tmp_path: Path) -> None:
    job = make_job()
    harness(job).run()
    other = make_job(fresh=True)
    other.folder = tmp_path / "other"
    other.checkpoints = tmp_path / "other/checkpoints"
    harness(other, evaluate=None).run()
    assert losses(job) == losses(other)


def test_a_finished_training_is_not_trained_again(make_job: Make) -> None:
    first = harness(make_job()).run()
    job = make_job()
    again = model()
    assert harness(job, model=again).run() == first
    assert job.os.learning.begun[0]["step"] == 12  # type: ignore[attr-defined]
    again.eval()
    with torch.no_grad():
        assert evaluate(again)["held_out"] == pytest.approx(first["held_out"])


def test_who_asks_a_job_to_end_gets_a_checkpoint_of_where_it_stands(make_job: Make) -> None:
    job = make_job()

    def ask(step: int, *_: Any, **__: Any) -> None:
        job.stopping = step >= 6

    job.report = ask  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        harness(job).run()
    assert steps(job) == ["step-00000004", "step-00000006"]


def test_a_loss_that_is_no_number_stops_before_the_weights_are_spoilt(make_job: Make) -> None:
    job, spoilt = make_job(), model()

    def loss(model: Any, inputs: Any) -> Any:
        found = model(**inputs).loss
        return found * float("nan") if len(job_steps) >= 8 else found

    job_steps: list[int] = []
    job.report = lambda step, *_, **__: job_steps.append(step)  # type: ignore[method-assign]
    with pytest.raises(InvalidArgument, match=r"loss is nan at step 9: .* of step 8"):
        harness(job, model=spoilt, compute_loss=loss, evaluate=None).run()
    assert all(torch.isfinite(one).all() for one in spoilt.parameters())
    assert steps(job) == ["step-00000004", "step-00000008"]


def test_a_gradient_that_is_no_number_stops_as_well(make_job: Make) -> None:
    class Steep(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, value: Any) -> Any:
            return value.clone()

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return gradient * float("inf")

    with pytest.raises(InvalidArgument, match=r"gradient is (nan|inf) at step 1: .*no checkpoint"):
        harness(
            make_job(), compute_loss=lambda model, inputs: Steep.apply(model(**inputs).loss)
        ).run()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
)
def test_want_of_memory_is_told_as_such(make_job: Make, error: Exception) -> None:
    def loss(model: Any, inputs: Any) -> Any:
        raise error

    with pytest.raises(QuotaExceeded, match="out of memory in training; there is no checkpoint"):
        harness(make_job(), compute_loss=loss).run()


def test_a_full_disk_leaves_the_last_good_checkpoint(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, save, room = make_job(), torch.save, [2]

    def full(what: Any, path: Path) -> None:
        room[0] -= 1
        if room[0]:
            return save(what, path)
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputOutputError, match=r"checkpoint of step 8: .*step-00000004"):
        harness(job).run()
    assert steps(job) == ["step-00000004"]
    monkeypatch.undo()
    monkeypatch.chdir(job.folder)
    harness(make_job()).run()
    assert sorted(losses(job)) == list(range(1, 13))


def test_another_recipe_begins_anew(make_job: Make, capsys: pytest.CaptureFixture[str]) -> None:
    harness(make_job({"rate": 1})).run()
    job = make_job({"rate": 2})
    harness(job).run()
    assert job.os.learning.begun[0]["step"] == 0  # type: ignore[attr-defined]
    assert "another recipe" in capsys.readouterr().err


def test_other_data_or_another_model_are_not_gone_on_with(make_job: Make) -> None:
    killed = make_job()
    kill_at(killed, 7)
    with pytest.raises(Killed):
        harness(killed).run()
    with pytest.raises(InvalidArgument, match="the data have changed"):
        harness(make_job(), dataset=examples(49)).run()
    other = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(InvalidArgument, match="another model"):
        harness(make_job(), model=other).run()
    job = make_job(fresh=True)
    harness(job, dataset=examples(49)).run()
    assert job.os.learning.begun[0]["step"] == 0  # type: ignore[attr-defined]


def test_weights_that_are_not_trained_are_not_saved(make_job: Make) -> None:
    def frozen() -> Any:
        made = model()
        for parameter in made.transformer.parameters():
            parameter.requires_grad = False
        # No longer that of the embedding.
        made.lm_head.weight = torch.nn.Parameter(made.lm_head.weight.clone())
        return made

    job = make_job()
    kill_at(job, 6)
    with pytest.raises(Killed):
        harness(job, model=frozen()).run()
    saved = torch.load(job.checkpoints / "step-00000004/state.pt", weights_only=True)
    assert list(saved["weights"]) == ["lm_head.weight"]
    harness(make_job(), model=frozen()).run()
    assert sorted(losses(job)) == list(range(1, 13))


def test_random_numbers_are_put_back() -> None:
    import random

    import numpy

    was = {"random": state._randoms()}
    drawn = random.random(), float(numpy.random.random()), float(torch.rand(1))
    state.random(was)
    assert (random.random(), float(numpy.random.random()), float(torch.rand(1))) == drawn
