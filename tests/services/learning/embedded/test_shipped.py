"""The weights that the repository ships."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llmagentos.services.learning.embedded.evaluate import judge
from llmagentos.services.learning.embedded.player import Player
from llmagentos.services.learning.embedded.suites import GOALS, SUITES

FOLDER = Path(__file__).parents[4] / "drivers/inference/embedded"
#: Tasks of a suite here; so few miss a goal by chance more often than the full suites do.
TASKS, MARGIN = 60, 0.1


@pytest.fixture(scope="module")
def player() -> Player:
    import torch

    torch.set_num_threads(1)
    return Player(FOLDER)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_shipped_model_solves_what_it_was_never_trained_on(name: str, player: Player) -> None:
    result = asyncio.run(judge(name, SUITES[name](TASKS, 0), player.chat))
    missed = [(one.task.prompt, one.answer, one.expected) for one in result.failures]
    assert result.share >= GOALS[name] - MARGIN, missed
