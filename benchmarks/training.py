"""What a training job costs beside a bare loop of transformers' Trainer.

The same new model on the shipped stories, twice: as a job of a real daemon, with its data read and
tokenised as they come, curves, reports, guard and checkpoints; and by a Trainer alone, which gets
blocks that are tokenised already and saves nothing. Seconds of the processor, so that other work on
the machine does not count; rounds alternate, of which the medians are compared.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import transformers

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.pretrain.corpus import Corpus, Documents
from llmagentos.services.learning.pretrain.models import build
from llmagentos.services.learning.pretrain.objectives import collator, stream
from llmagentos.services.learning.pretrain.recipe import Recipe, read
from llmagentos.services.learning.pretrain.tokenizer import learn
from llmagentos.services.learning.training.harness import Harness
from llmagentos.services.learning.training.trainer import in_words
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .report import asked, report

STORIES = Path(__file__).parents[1] / "examples/learn/pretrain-causal.toml"
RECIPE: dict[str, Any] = {
    "name": "benchmark",
    "job": {"kind": "pretrain"},
    "objective": {"kind": "causal"},
    "corpus": {"files": ["corpus/stories.txt"]},
    "model": {"hidden": 128, "layers": 4, "length": 128},
    "training": {"batch": 8, "checkpoint_every": 50},
}


class House:
    """A session of a daemon, on a loop of its own thread: as a job's process has it."""

    def __init__(self, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self._path = path
        self.os: OS = self.wait(self._connect())

    def wait(self, call: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self.loop).result()

    async def _connect(self) -> OS:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(self._path))
        return OS(await connect(sock))

    def job(self, recipe: dict[str, Any]) -> Job:
        async def made() -> Job:
            return Job(self.os, STORIES, recipe, fresh=True)

        return self.wait(made())  # type: ignore[no-any-return]


class Bench:
    """The model, its data and its two ways of training."""

    def __init__(self, steps: int, house: House) -> None:
        self._house = house
        self._recipe = {**RECIPE, "training": {**RECIPE["training"], "steps": steps}}
        job = house.job(self._recipe)
        self._read: Recipe = read(job)
        self._corpus = Corpus(job.source, self._read.corpus)
        seen = self._corpus.survey(10_000_000, 1)
        self._tokenizer = learn(seen.sample, self._read.tokenizer, "causal", 128)
        self._collate = collator(self._read, self._tokenizer)
        count = steps * self._read.training.batch
        self._blocks = list(islice(self._stream(), count))

    def _stream(self) -> Any:
        return stream(self._read, Documents(self._corpus), self._tokenizer, 256)

    def _model(self) -> Any:
        transformers.set_seed(0)
        return build(self._read.model, "causal", self._tokenizer)

    def job(self) -> float:
        """Return the seconds of a job."""
        job, model = self._house.job(self._recipe), self._model()
        start = time.process_time()
        Harness(
            job,
            model=model,
            dataset=self._stream(),
            collator=self._collate,
            arguments=self._read.training,
        ).run()
        seconds = time.process_time() - start
        self._house.wait(job.finish("succeeded", ""))
        return seconds

    def bare(self) -> float:
        """Return the seconds of a Trainer."""
        model = self._model()
        words = in_words(self._read.training, Path.cwd())
        start = time.process_time()
        transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(**words),
            train_dataset=self._blocks,
            data_collator=self._collate,
        ).train()
        return time.process_time() - start


def measure(bench: Bench, rounds: int) -> dict[str, float]:
    """Compare both, in turns."""
    bench.bare(), bench.job()
    jobs: list[float] = []
    bares: list[float] = []
    for turn in range(rounds):
        for which in ("job", "bare") if turn % 2 else ("bare", "job"):
            (jobs if which == "job" else bares).append(getattr(bench, which)())
    ours, theirs = statistics.median(jobs), statistics.median(bares)
    steps = bench._read.training.steps
    return {
        "overhead": ours / theirs,
        "job_step_ms": ours / steps * 1000,
        "bare_step_ms": theirs / steps * 1000,
    }


def main() -> None:
    parser = asked("training", __doc__, rounds=5)
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder) / "s") as path:
        home = Path(folder) / "home"
        home.mkdir()
        os.chdir(home)
        figures = measure(Bench(options.steps, House(path)), options.rounds)
    report(figures, options)


if __name__ == "__main__":
    main()
