"""All that training stands on, in one file: weights, optimiser, schedule, random numbers, data.

Interface:
    capture     what is to be saved of a Trainer
    learnt      of its model, the weights that are trained
    read        a file of such
    weights     put the weights back
    optimiser   put the optimiser, the schedule and the data back
    random      put the random numbers back
"""

from __future__ import annotations

import random as python
from pathlib import Path
from typing import Any

from ....syscalls.errors import InputOutputError, InvalidArgument
from .data import Endless


def capture(trainer: Any, data: Endless) -> dict[str, Any]:
    """Return the state of a Trainer and its data."""
    return {
        "weights": learnt(trainer.model),
        "optimiser": trainer.optimizer.state_dict(),
        "schedule": trainer.lr_scheduler.state_dict(),
        "random": _randoms(),
        "data": data.state(),
    }


def learnt(model: Any) -> dict[str, Any]:
    """Return a model's weights. Those that are not trained are left out: they are as the model was
    built."""
    frozen = _frozen(model)
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def read(path: Path) -> dict[str, Any]:
    """Return what was saved. Raises `InputOutputError` for a file that is not whole."""
    import torch

    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputOutputError(f"{path} cannot be read: begin anew with --fresh") from error
    return found


def weights(model: Any, saved: dict[str, Any]) -> None:
    """Put the weights back. Raises `InvalidArgument` for those of another model."""
    try:
        result = model.load_state_dict(saved, strict=False)
    except RuntimeError as error:
        raise _other() from error
    if result.unexpected_keys or set(result.missing_keys) - _frozen(model):
        raise _other()


def optimiser(trainer: Any, state: dict[str, Any], data: Endless) -> None:
    """Put the optimiser, the schedule and the position in the data back."""
    try:
        trainer.optimizer.load_state_dict(state["optimiser"])
    except (ValueError, KeyError) as error:
        raise _other() from error
    trainer.lr_scheduler.load_state_dict(state["schedule"])
    data.restore(state["data"])


def random(state: dict[str, Any]) -> None:
    """Put the random numbers back."""
    import numpy
    import torch

    saved = state["random"]
    torch.set_rng_state(saved["torch"])
    if "cuda" in saved and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(saved["cuda"])
    version, internal, gauss = saved["python"]
    python.setstate((version, tuple(internal), gauss))
    keys, *rest = saved["numpy"]
    numpy.random.set_state(("MT19937", keys.numpy().astype(numpy.uint32), *rest))


def _randoms() -> dict[str, Any]:
    import numpy
    import torch

    _, keys, *rest = numpy.random.get_state(legacy=True)
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": python.getstate(),
        "numpy": [torch.from_numpy(numpy.asarray(keys).astype(numpy.int64)), *rest],
    }
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def _frozen(model: Any) -> set[str]:
    return {
        name
        for name, value in model.named_parameters(remove_duplicate=False)
        if not value.requires_grad
    }


def _other() -> InvalidArgument:
    return InvalidArgument("the checkpoint is of another model: begin anew with --fresh")
