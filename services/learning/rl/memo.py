"""A learner's state in a checkpoint.

Interface:
    keep, recall    to a checkpoint and back
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ....syscalls.errors import InputOutputError
from ..training.checkpoints import Checkpoint, Checkpoints
from .learner import Memo

_FILE = "learner.safetensors"


def keep(points: Checkpoints, step: int, memo: Memo) -> None:
    """Keep a state. Raises `InputOutputError`, and then what was kept before stays."""
    points.save(step, partial(_write, memo), memo.values)


def recall(point: Checkpoint) -> Memo:
    """Return the state in a checkpoint. Raises `InputOutputError`."""
    try:
        arrays = load_file(point.folder / _FILE)
    except (OSError, SafetensorError) as error:
        raise InputOutputError(
            f"the checkpoint of step {point.step} cannot be read: begin anew with --fresh"
        ) from error
    return Memo(arrays=arrays, values=point.notes)


def _write(memo: Memo, folder: Path) -> None:
    save_file(memo.arrays, folder / _FILE)
