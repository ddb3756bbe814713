"""Trains the embedded model from a seed.

    python -m llmagentos.services.learning.embedded.train --seed 0 --out FOLDER

The bulk of the run is followed by gentler parts, with more of what is rare or new (`mix`). A run
that was stopped goes on from its checkpoint when the same command is given again.

Interface:
    Plan            what a run is to do
    train           runs a plan; returns what it measured
    main            the command
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from .batches import IGNORED, Batch, Batches
from .checkpoint import Checkpoint, export
from .mix import BULK, POLISH, REVISION, SCHOOLING, Mix
from .model import Shape, build
from .optimiser import Optimiser, rate
from .tokenizer import train_tokenizer

__all__ = ["Plan", "main", "train"]

#: Seconds between checkpoints.
_INTERVAL = 120
#: Share of the full rate that the polish begins with.
_GENTLE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to do. The same plan gives the same weights on the same machine."""

    #: of the bulk, of the polish after it, of the schooling, and of the revision at the end
    steps: int = 12_000
    polish: int = 12_000
    schooling: int = 3_000
    revision: int = 5_000
    seed: int = 0
    #: of one batch
    tokens: int = 4096
    shape: Shape = field(default_factory=Shape)
    vocabulary: int = 2048
    threads: int = 2

    @property
    def parts(self) -> tuple[tuple[int, Mix, float], ...]:
        """Steps of each part, what is drawn in it, and its share of the full learning rate."""
        return (
            (self.steps, BULK, 1.0),
            (self.polish, POLISH, _GENTLE),
            (self.schooling, SCHOOLING, _GENTLE),
            (self.revision, REVISION, _GENTLE),
        )

    @property
    def total(self) -> int:
        """Steps of all parts."""
        return sum(steps for steps, _, _ in self.parts)

    def mix(self, step: int) -> Mix:
        """What is drawn at a step."""
        return self._part(step)[1]

    def rate(self, step: int) -> float:
        """The share of the full learning rate at a step."""
        progress, _, share = self._part(step)
        return share * rate(progress)

    def _part(self, step: int) -> tuple[float, Mix, float]:
        """How much of its part a step has behind it, and what that part is like."""
        for steps, mix, share in self.parts:
            if step < steps:
                return step / steps, mix, share
            step -= steps
        return 1.0, self.parts[-1][1], self.parts[-1][2]


def loss_of(model: Any, batch: Batch) -> Tensor:
    """Mean cross-entropy of the learnt tokens; the head sees only those."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(input_ids=batch.inputs, use_cache=False).last_hidden_state
        wanted = batch.labels != IGNORED
        logits = model.lm_head(hidden[wanted])
    return cross_entropy(logits.float(), batch.labels[wanted])


def train(
    plan: Plan,
    out: Path,
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> dict[str, Any]:
    """Run a plan, from its checkpoint in `out` if there is one, and write the model there.

    `report` is called with the step and the loss (smoothed). Raises `ValueError` for a checkpoint
    of another plan.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(plan.threads)
    tokenizer = train_tokenizer(vocabulary_size=plan.vocabulary)
    model = build(tokenizer, plan.shape, plan.seed).train()
    optimiser = Optimiser(model)
    batches = Batches(tokenizer, seed=plan.seed, tokens=plan.tokens, mix=plan.mix)
    checkpoint = Checkpoint(out / "checkpoint.pt")
    spent, seen, smooth = 0.0, 0, 0.0
    known = asdict(plan)
    if (saved := checkpoint.plan()) is not None:
        if saved["plan"] != known:
            raise ValueError(f"{checkpoint.path} belongs to another plan: {saved['plan']}")
        checkpoint.restore(model, optimiser, batches)
        spent, seen, smooth = saved["seconds"], saved["tokens"], saved["loss"]
    begun = written = time.monotonic()

    def state() -> dict[str, Any]:
        seconds = spent + time.monotonic() - begun
        return {"plan": known, "seconds": seconds, "tokens": seen, "loss": smooth}

    while batches.position < plan.total:
        step = batches.position
        batch = next(batches)
        loss = loss_of(model, batch)
        optimiser.step(loss, plan.rate(step))
        seen += batch.inputs.numel()
        value = float(loss.detach())
        smooth = value if step == 0 else 0.98 * smooth + 0.02 * value
        report(step + 1, smooth)
        if time.monotonic() - written > _INTERVAL:
            checkpoint.save(model, optimiser, batches, state())
            written = time.monotonic()
    checkpoint.save(model, optimiser, batches, state())
    export(model.eval(), tokenizer, out)
    done = state()
    (out / "training.json").write_text(json.dumps(done, indent=2) + "\n")
    return done


def main() -> None:
    """The command: progress on stderr, one line of JSON on stdout."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    parser = argparse.ArgumentParser(description="Train the embedded model.")
    usual = Plan()
    parser.add_argument("--steps", type=int, default=usual.steps, help="of the bulk")
    parser.add_argument("--polish", type=int, default=usual.polish, help="steps after it")
    parser.add_argument("--schooling", type=int, default=usual.schooling, help="steps after that")
    parser.add_argument("--revision", type=int, default=usual.revision, help="steps at the end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=usual.tokens, help="of one batch")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    plan = Plan(
        steps=given.steps, polish=given.polish, schooling=given.schooling,
        revision=given.revision, seed=given.seed, tokens=given.tokens,
    )  # fmt: skip
    total = plan.total
    columns = (
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, refresh_per_second=1) as progress:
        bar = progress.add_task("train", total=total, loss=0.0)

        def show(step: int, loss: float) -> None:
            progress.update(bar, completed=step, loss=loss)
            if not console.is_terminal and step % 50 == 0:
                print(f"step {step}/{total} loss {loss:.4f}", file=sys.stderr, flush=True)

        done = train(plan, given.out, report=show)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
