"""The training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from llmagentos.services.learning.embedded.mix import BULK, POLISH, REVISION, SCHOOLING
from llmagentos.services.learning.embedded.model import Shape
from llmagentos.services.learning.embedded.optimiser import rate
from llmagentos.services.learning.embedded.player import Player
from llmagentos.services.learning.embedded.train import Plan, train

SMALL = Shape(width=32, inner=64, heads=2, pairs=1)


def plan(steps: int, polish: int = 0) -> Plan:
    return Plan(
        steps=steps, polish=polish, schooling=0, revision=0,
        tokens=1024, shape=SMALL, vocabulary=1024, threads=1,
    )  # fmt: skip


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


class Stopped(Exception):
    """Stands for kill -9."""


def test_stopped_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(plan(4, 4), tmp_path / "whole")
    monkeypatch.setattr("llmagentos.services.learning.embedded.train._INTERVAL", 0)

    def stop(step: int, loss: float) -> None:
        if step == 5:
            raise Stopped

    with pytest.raises(Stopped):
        train(plan(4, 4), tmp_path / "parts", report=stop)
    parts = train(plan(4, 4), tmp_path / "parts")
    assert parts["tokens"] == whole["tokens"]
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_loss_falls_and_the_folder_can_be_played(tmp_path: Path) -> None:
    losses: list[float] = []
    train(plan(40), tmp_path, report=lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.85 * losses[0]
    assert isinstance(Player(tmp_path, limit=4).text([{"role": "user", "content": "hi"}], []), str)


def test_folder_of_another_plan_is_refused(tmp_path: Path) -> None:
    train(plan(1), tmp_path)
    with pytest.raises(ValueError, match="another plan"):
        train(plan(2), tmp_path)


def test_polish_is_gentle_and_draws_what_is_rare() -> None:
    whole = Plan(steps=100, polish=100, schooling=100, revision=100)
    assert whole.rate(99) < 0.02
    for begin in (100, 200, 300):
        assert 0.35 < whole.rate(begin + 20) <= 0.4 and whole.rate(begin + 99) < 0.01
    assert whole.mix(99) is BULK and whole.mix(100) is POLISH
    assert whole.mix(299) is SCHOOLING and whole.mix(399) is REVISION and whole.total == 400


def test_rate_rises_stays_and_falls_to_zero() -> None:
    assert rate(0.0) == 0.0
    assert rate(0.2) == 1.0
    assert 0 < rate(0.9) < 0.2
    assert rate(1.0) == 0.0


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no model in"):
        Player(tmp_path)
