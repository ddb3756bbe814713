"""LoRA: a model's matrices stay, and learn a change of low rank beside them.

W' = W + (alpha / rank) · B A, with A (rank, in) drawn at random and B (out, rank) zero, so that
training begins at the parent (Hu et al. 2021, arXiv 2106.09685, section 4.1). By peft.

Interface:
    adapt       puts an adapter on a model
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..training.extras import require
from . import parents
from .recipe import LoraPart


def adapt(model: Any, part: LoraPart, folder: Path) -> Any:
    """Return a causal model with an adapter that alone learns; `folder` is the model's.

    Raises `InvalidArgument` for targets that the model does not have, and where the model is itself
    a parent with an adapter.
    """
    require("peft")
    import peft

    if parents.adapted(folder):
        raise InvalidArgument(
            "an adapter is no parent of another one: go on from a whole model, or by `instruct`, "
            "which merges it"
        )
    try:
        made: Any = peft.get_peft_model(
            model,
            peft.LoraConfig(
                r=part.rank,
                lora_alpha=part.alpha,  # type: ignore[arg-type]
                lora_dropout=part.dropout,
                target_modules=part.targets or "all-linear",
                task_type="CAUSAL_LM",
            ),
        )
    except ValueError as error:
        raise InvalidArgument(f"lora.targets: {str(error).splitlines()[0]}") from error
    return made
