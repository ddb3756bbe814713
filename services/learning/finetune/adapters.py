"""LoRA: a model's matrices stay, and learn a change of low rank beside them.

W' = W + (alpha / rank) · B A, with A (rank, in) drawn at random and B (out, rank) zero, so that
training begins at the parent (Hu et al. 2021, arXiv 2106.09685, section 4.1). By peft.

Interface:
    adapt       puts an adapter on a model
    merged      a model with an adapter for good
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..training.extras import require
from .recipe import LoraPart

#: The file that makes a folder an adapter.
SETTINGS = "adapter_config.json"


def adapt(model: Any, part: LoraPart, folder: Path) -> Any:
    """Return a causal model with an adapter that alone learns; `folder` is the model's.

    Raises `InvalidArgument` for targets that the model does not have, and where the model is itself
    a parent with an adapter.
    """
    require("peft")
    import peft

    if (folder / SETTINGS).exists():
        raise InvalidArgument(
            "an adapter is no parent of another one: go on from a whole model, or by `instruct`, "
            "which merges it"
        )
    try:
        with quiet():
            return _with(peft, model, part)
    except ValueError as error:
        raise InvalidArgument(f"lora.targets: {str(error).splitlines()[0]}") from error


def merged(model: Any, folder: Path) -> Any:
    """Return a causal model with an adapter added to its weights."""
    require("peft")
    import peft

    with quiet():
        found: Any = peft.PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    # What it was put on was held fast.
    return found.merge_and_unload().requires_grad_(True)


@contextmanager
def quiet() -> Iterator[None]:
    """peft asks transformers for something by a name that has become another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _with(peft: Any, model: Any, part: LoraPart) -> Any:
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=part.rank,
            lora_alpha=part.alpha,
            lora_dropout=part.dropout,
            target_modules=part.targets or "all-linear",
            task_type="CAUSAL_LM",
        ),
    )
