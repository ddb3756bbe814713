"""A model so small that a step takes no time, and a harness that trains it."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.training.harness import Harness
from llmagentos.services.learning.training.settings import TrainingSettings

VOCABULARY, LENGTH = 32, 12
SETTINGS: dict[str, Any] = {
    "steps": 12, "batch": 4, "rate": 0.01, "checkpoint_every": 4, "evaluate_every": 6,
}  # fmt: skip


def model() -> Any:
    transformers.set_seed(0)
    # Dropout, so that random numbers matter.
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=16, n_layer=2, n_head=2,
            bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip


def examples(count: int = 50) -> list[dict[str, Any]]:
    made = torch.Generator().manual_seed(1)
    rows = torch.randint(VOCABULARY, (count, LENGTH), generator=made)
    return [{"input_ids": row, "labels": row.clone()} for row in rows]


def evaluate(model: Any) -> dict[str, float]:
    batch = transformers.default_data_collator(examples(8))
    return {"held_out": float(model(**batch).loss) + float(torch.rand(1)) * 0}


def harness(job: Job, **named: Any) -> Harness:
    settings = SETTINGS | {
        key: named.pop(key) for key in list(named) if key in TrainingSettings.model_fields
    }
    given: dict[str, Any] = {
        "model": named.pop("model", None) or model(),
        "dataset": examples(),
        "collator": transformers.default_data_collator,
        "arguments": TrainingSettings(**settings),
        "evaluate": evaluate,
    }
    return Harness(job, **(given | named))


def losses(job: Job) -> dict[int, float]:
    """Every step's loss, as TensorBoard reads the log."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(job.folder / "tensorboard"))
    read.Reload()
    return {one.step: one.value for one in read.Scalars("loss")}
