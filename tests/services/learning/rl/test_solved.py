"""The shipped examples reach the figures at which their worlds are held to be solved."""

from __future__ import annotations

from pathlib import Path

import pytest

from .stand_in import StandIn

EXAMPLES = Path(__file__).parents[4] / "examples/learn"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "figure"),
    [("frozenlake", 0.70), ("taxi", 7.0), ("cartpole", 475.0), ("cartpole-reinforce", 475.0)],
)
def test_example_is_solved(tmp_path: Path, example: str, figure: float) -> None:
    job = StandIn(tmp_path, (EXAMPLES / f"{example}.toml").read_text())
    assert job.learn()["return"] >= figure
    assert job.published[0]["data"]["seed"] == 1
