"""Trains the model that the demo begins with, and stops it early on purpose.

    python examples/learn/undertrained/train.py --out FOLDER

It is a small embedded model after 1,000 steps of its own course, of the shipped one's 32,000: it
has understood what it is asked in about half of all cases. The same command gives the same
weights on the same machine, in bfloat16; it takes some ten minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from llmagentos.services.learning.embedded.mix import BULK, Mix
from llmagentos.services.learning.embedded.model import Shape
from llmagentos.services.learning.embedded.train import Plan, train

#: What the demo's tasks are made of, with how often each occurs.
KINDS = {
    "compute": 10, "compute_store": 6, "compute_write": 5, "recall_compute": 6, "store": 12,
    "recall": 8, "forget": 5, "keys": 3, "write": 7, "read": 6, "files": 3, "keys_store": 2,
    "files_write": 2, "read_store": 5, "recall_write": 5, "recall_store": 3, "read_write": 4,
}  # fmt: skip
NARROW = replace(BULK, weights=KINDS, refuse=0.0, wishes=(1, 0, 0))
BEGINNING, REST = 700, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Short(Plan):
    """The beginning of the usual course, and a little of the demo's own tasks."""

    @property
    def parts(self) -> tuple[tuple[int, Mix, float], ...]:
        return ((BEGINNING, BULK, 1.0), (REST, NARROW, 0.4))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Train the demo's model, not to its end.")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    plan = Short(
        steps=BEGINNING, polish=REST, schooling=0, revision=0, threads=1,
        shape=Shape(width=128, inner=352, pairs=2),
    )  # fmt: skip

    def show(step: int, loss: float) -> None:
        if step % 50 == 0:
            print(f"step {step}/{plan.total} loss {loss:.4f}", file=sys.stderr, flush=True)

    train(plan, given.out, report=show)
    _halve(given.out)


def _halve(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {name: one.to(torch.bfloat16) for name, one in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(0o644)


if __name__ == "__main__":
    main()
