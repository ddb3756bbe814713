"""Trains the embedded model from a seed.

    python -m llmagentos.services.learning.embedded.train --steps 2000 --seed 0 --out FOLDER

A run that was stopped goes on from its checkpoint when the same command is given again. With
`--minutes` the number of steps is set by the speed of the first ones, and reported, so that
`--steps` repeats the run.

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
from .model import Shape, build
from .optimiser import Optimiser, rate
from .tokenizer import train_tokenizer

__all__ = ["Plan", "main", "train"]

#: Steps that measure the speed, and seconds between checkpoints.
_MEASURED, _INTERVAL = 40, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to do. The same plan gives the same weights on the same machine."""

    #: 0 until measured
    steps: int
    seed: int = 0
    #: of one batch
    tokens: int = 4096
    shape: Shape = field(default_factory=Shape)
    vocabulary: int = 2048
    threads: int = 2


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
    minutes: float = 0.0,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> dict[str, Any]:
    """Run a plan, from its checkpoint in `out` if there is one, and write the model there.

    `report` is called with the step, the steps in total and the loss (smoothed).
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(plan.threads)
    tokenizer = train_tokenizer(vocabulary_size=plan.vocabulary)
    model = build(tokenizer, plan.shape, plan.seed).train()
    optimiser = Optimiser(model)
    batches = Batches(tokenizer, seed=plan.seed, tokens=plan.tokens)
    checkpoint = Checkpoint(out / "checkpoint.pt")
    steps, spent, seen, smooth = plan.steps, 0.0, 0, 0.0
    known = asdict(plan)
    if (saved := checkpoint.plan()) is not None:
        if {**saved["plan"], "steps": 0} != {**known, "steps": 0}:
            raise ValueError(f"{checkpoint.path} belongs to another plan: {saved['plan']}")
        checkpoint.restore(model, optimiser, batches)
        steps, spent = saved["steps"], saved["seconds"]
        seen, smooth = saved["tokens"], saved["loss"]
    begun = written = time.monotonic()

    def state() -> dict[str, Any]:
        return {
            "plan": known,
            "steps": steps,
            "seconds": spent + time.monotonic() - begun,
            "tokens": seen,
            "loss": smooth,
        }

    while not steps or batches.position < steps:
        step = batches.position
        batch = next(batches)
        loss = loss_of(model, batch)
        optimiser.step(loss, rate(step / steps) if steps else min(1.0, (step + 1) / _MEASURED))
        seen += batch.inputs.numel()
        value = float(loss.detach())
        smooth = value if step == 0 else 0.98 * smooth + 0.02 * value
        if not steps and step + 1 == _MEASURED:
            steps = max(_MEASURED, round(minutes * 60 * _MEASURED / (time.monotonic() - begun)))
        report(step + 1, steps, smooth)
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
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, default=0)
    length.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    plan = Plan(steps=given.steps, seed=given.seed, tokens=given.tokens)
    columns = (
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, refresh_per_second=1) as progress:
        bar = progress.add_task("train", total=given.steps or 1, loss=0.0)

        def show(step: int, steps: int, loss: float) -> None:
            progress.update(bar, completed=step, total=steps or step + 1, loss=loss)
            if not console.is_terminal and step % 50 == 0:
                print(f"step {step}/{steps} loss {loss:.4f}", file=sys.stderr, flush=True)

        done = train(plan, given.out, minutes=given.minutes, report=show)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
