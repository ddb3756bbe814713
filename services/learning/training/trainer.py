"""transformers' Trainer, with the house's data, guard and checkpoints.

Interface:
    guarded         a Trainer class that stops at a loss or gradient that is no number
    Hooks           what it asks and tells
    in_words        a recipe's settings in transformers' words
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ....syscalls.errors import InvalidArgument
from .data import Endless

#: Returns the loss, or the loss and what else is worth a curve.
Loss: TypeAlias = Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the Trainer asks and tells."""

    data: Endless
    compute_loss: Loss | None
    #: Told of each step's loss and of the gradient's length before it was cut.
    on_step: Callable[[int, dict[str, float]], None]
    #: Put what was saved back into the Trainer: the weights, then all else, then random numbers.
    load: Callable[[str, Any], None]
    #: What is left where the loss is no number.
    kept: Callable[[], str]


def guarded(kind: type[Any], hooks: Hooks) -> type[Any]:
    """Return a kind of Trainer that works as `hooks` say.

    Overridden besides what is meant to be: the loading of checkpoints, since ours are one file,
    and the gradient's length, which is known before the weights are changed.
    """
    import torch

    class Guarded(kind):  # type: ignore[misc]
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self._losses: list[torch.Tensor] = []
            self._besides: dict[str, float] = {}
            self._gradient = 0.0
            if hooks.compute_loss is not None:
                self.loss_is_scaled_for_ga = False

        def get_train_dataloader(self) -> Any:
            # Not prepared by accelerate, which takes a batch ahead of its time: the position of the
            # data would be one past that of the weights. Its generator is its own, since each
            # iterator draws from it.
            return torch.utils.data.DataLoader(
                _Stream(hooks.data),
                batch_size=self._train_batch_size,
                collate_fn=self.data_collator,
                generator=torch.Generator(),
            )

        def compute_loss(self, model: Any, inputs: Any, *more: Any, **named: Any) -> Any:
            if hooks.compute_loss is None:
                return super().compute_loss(model, inputs, *more, **named)
            loss = hooks.compute_loss(model, inputs)
            if isinstance(loss, tuple):
                loss, self._besides = loss
            return loss

        def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
            loss: torch.Tensor = super().training_step(*arguments, **named)
            self._losses.append(loss)
            self._number(float(loss), "loss")
            return loss

        def _get_grad_norm(self, *arguments: Any, **named: Any) -> Any:
            length = super()._get_grad_norm(*arguments, **named)
            self._gradient = self._number(float(length), "gradient")
            return length

        def _number(self, value: float, what: str) -> float:
            if not math.isfinite(value):
                raise InvalidArgument(
                    f"the {what} is {value} at step {self.state.global_step + 1}: a lower rate or "
                    f"other data may help; {hooks.kept()}"
                )
            return value

        def told(self) -> None:
            """Tell of the step that has just ended."""
            loss = sum(map(float, self._losses))
            self._losses.clear()
            rate = self.lr_scheduler.get_last_lr()[0]
            metrics = {"loss": loss, "gradient": self._gradient, "rate": rate, **self._besides}
            hooks.on_step(self.state.global_step, metrics)

        def _load_from_checkpoint(self, folder: str, model: Any = None) -> None:
            hooks.load("weights", self)

        def _load_optimizer_and_scheduler(self, folder: str | None) -> None:
            if folder is not None:
                hooks.load("optimiser", self)

        def _load_scaler(self, folder: str | None) -> None:
            pass

        def _load_rng_state(self, folder: str | None) -> None:
            if folder is not None:
                hooks.load("random", self)

    class _Stream(torch.utils.data.IterableDataset[Any]):
        def __init__(self, data: Endless) -> None:
            self._data = data

        def __iter__(self) -> Any:
            return iter(self._data)

    return Guarded


def in_words(settings: Any, folder: Path) -> dict[str, Any]:
    """Return `TrainingSettings` in transformers' words. Nothing is saved, logged, skipped or
    evaluated by the Trainer itself."""
    import torch

    return {
        "output_dir": str(folder),
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch,
        "gradient_accumulation_steps": settings.accumulate,
        "learning_rate": settings.rate,
        "warmup_steps": round(settings.warmup * settings.steps),
        "lr_scheduler_type": settings.schedule
        if settings.schedule != "constant"
        else "constant_with_warmup",
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.clip,
        "seed": settings.seed,
        "bf16": settings.precision == "bfloat16",
        # On a processor bfloat16 is refused unless it is asked for by name.
        "use_cpu": not torch.cuda.is_available(),
        "remove_unused_columns": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "eval_strategy": "no",
        "logging_nan_inf_filter": False,
        "ignore_data_skip": True,
        "disable_tqdm": True,
        "report_to": [],
        "dataloader_pin_memory": False,
    }
