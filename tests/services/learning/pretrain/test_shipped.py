"""The recipes that are shipped learn what they say, and a real kill changes nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.pretrain.work import work

EXAMPLES = Path(__file__).parents[4] / "examples/learn"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fraction", "metric", "least"),
    [
        ("causal", 0.2, "perplexity", None),
        ("mlm", 0.4, "masked_accuracy", 0.45),
        ("nsp", 0.6, "next_accuracy", 0.7),
        ("seq2seq", 0.45, "reconstruction", 0.35),
    ],
)
def test_a_shipped_recipe_learns_the_stories(
    make_job: Callable[..., Job], name: str, fraction: float, metric: str, least: float | None
) -> None:
    path = EXAMPLES / f"pretrain-{name}.toml"
    job = make_job(tomllib.loads(path.read_text()))
    job.source = path.parent
    work(job)
    learning: Any = job.os.learning
    losses = [one["held_out_loss"] for _, one in learning.reports if "held_out_loss" in one]
    assert losses[-1] <= fraction * losses[0]
    score = learning.published[0]["scores"][metric]
    assert score <= 3 if least is None else score >= least


SCRIPT = """
    import asyncio, os, signal, sys, threading, tomllib
    from pathlib import Path
    from llmagentos.services.learning.job import Job
    from llmagentos.services.learning.pretrain.work import work

    class Learning:
        async def begin(self, *_, **named): print("begins", named["step"]); return 1
        async def report(self, *_, **__): pass
        async def publish(self, *_, **__): pass

    class House:
        learning = Learning()

    path, end = Path(sys.argv[1]), int(sys.argv[2])
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def made():
        return Job(House(), path, tomllib.loads(path.read_text()))

    job = asyncio.run_coroutine_threadsafe(made(), loop).result()
    report = job.report
    def killing(step, *more, **named):
        report(step, *more, **named)
        if step == end:
            os.kill(os.getpid(), signal.SIGKILL)
    job.report = killing
    work(job)
"""
RECIPE = """
    name = "small"
    [job]
    kind = "pretrain"
    [objective]
    kind = "masked"
    [corpus]
    files = ["a.txt"]
    held_out_examples = 8
    shuffle = 16
    [model]
    architecture = "bert"
    length = 32
    hidden = 32
    dropout = 0.1
    [training]
    steps = 30
    checkpoint_every = 7
    evaluate_every = 10
"""


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_has_the_same_curve(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / "a.txt").write_text((EXAMPLES / "corpus/stories.txt").read_text()[:40_000])
    (tmp_path / "small.toml").write_text(textwrap.dedent(RECIPE))

    def run(home: str, end: int) -> tuple[int, str]:
        (tmp_path / home).mkdir(exist_ok=True)
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path / "small.toml"), str(end)],
            cwd=tmp_path / home,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran.returncode, ran.stdout

    def curve(home: str) -> dict[int, float]:
        read = EventAccumulator(str(tmp_path / home / "tensorboard"))
        read.Reload()
        return {one.step: one.value for one in read.Scalars("loss")}

    assert run("whole", -1)[0] == 0
    for end, begins in ((5, 0), (12, 0), (27, 7)):
        code, said = run("killed", end)
        assert (code, said) == (-signal.SIGKILL, f"begins {begins}\n")
    code, said = run("killed", -1)
    assert code == 0 and said.startswith("begins 21\n")
    assert curve("killed") == curve("whole") and len(curve("whole")) == 30
