"""Trains the model that the demo begins with, and stops early on purpose.

    python examples/learn/undertrained/train.py --out FOLDER

It is half as large as the shipped model, and has 700 steps of its course behind it, where the
shipped one has 32,000: it has understood how somebody else asks in about half of all cases. The
same command gives the same weights on the same machine, in bfloat16; it takes some six minutes of
one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llmagentos.services.learning.embedded.model import Shape
from llmagentos.services.learning.embedded.train import Plan, train

PLAN = Plan(
    steps=700, polish=0, schooling=0, revision=0, threads=1,
    shape=Shape(width=128, inner=352, pairs=2),
)  # fmt: skip


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Train the demo's model, not to its end.")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    def show(step: int, loss: float) -> None:
        if step % 50 == 0:
            print(f"step {step}/{PLAN.total} loss {loss:.4f}", file=sys.stderr, flush=True)

    train(PLAN, given.out, report=show)
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
