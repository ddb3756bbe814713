"""Training as a job of the house: transformers' Trainer, reported, guarded and gone on with.

Interface:
    Harness     `run` trains a model by a job's settings, on from the last checkpoint
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job, Stopped
from . import state
from .best import Best
from .checkpoints import Checkpoint, Checkpoints
from .data import Endless, Shuffled
from .extras import require
from .failures import memory
from .log import CurveLog
from .settings import TrainingSettings
from .trainer import Hooks, Loss, guarded, in_words

#: Returns metrics on held-out data; the model is in the mode of evaluation, without gradients.
Evaluate = Callable[[Any], dict[str, float]]
_STATE = "state.pt"


class Harness:
    """One training. A job trains one model; its checkpoints are the job's."""

    def __init__(
        self,
        job: Job,
        *,
        model: Any,
        dataset: Endless | Sequence[Any],
        collator: Callable[[list[Any]], dict[str, Any]],
        arguments: TrainingSettings,
        evaluate: Evaluate | None = None,
        measure: str = "held_out_loss",
        compute_loss: Loss | None = None,
        trainer: type[Any] | None = None,
        trainer_arguments: dict[str, Any] | None = None,
    ) -> None:
        """`dataset`: examples as the collator takes them; a list is given out shuffled, round after
        round. `measure`: of what `evaluate` returns, the metric by which the best weights are told
        (the lowest of a loss, else the highest). `compute_loss(model, inputs)` returns the mean
        loss of a batch, or that and a dict of other figures. `trainer`: transformers' Trainer or a
        kind of it."""
        require("accelerate", "tensorboard")
        self._job, self._settings = job, arguments
        self._model, self._collator = model, collator
        self._evaluate, self._loss = evaluate, compute_loss
        self._kind, self._more = trainer, trainer_arguments or {}
        self._data = dataset if isinstance(dataset, Endless) else Shuffled(dataset, arguments.seed)
        self._points = Checkpoints(job.checkpoints, job.recipe)
        self._best = Best(self._points, job.recipe, measure)
        self._saved: Checkpoint | None = None
        self._loaded: dict[str, Any] = {}
        self._metrics: dict[str, float] = {}
        #: What was seen of the untrained model.
        self.first: dict[str, float] = {}
        self._log: CurveLog

    def run(self) -> dict[str, float]:
        """Train to the end, and return the metrics of the weights that the model ends with, those
        on held-out data among them.

        Raises `Stopped` where the job was asked to end, `InvalidArgument` for a loss that is no
        number or never fell, `QuotaExceeded` where memory is short and `InputOutputError` where the
        disk is full; the last good checkpoint is left, and the same job goes on from there.
        """
        import torch

        torch.set_num_threads(self._settings.threads)
        found = self._saved = self._points.latest()
        step = found.step if found else 0
        if found:
            self.first, self._metrics = found.notes["first"], found.notes["last"]
            self._loaded = state.read(found.folder / _STATE)
        self._job.begin(self._settings.steps, step)
        curves = self._job.folder / "tensorboard"
        if found is None:
            shutil.rmtree(curves, ignore_errors=True)
        self._log = CurveLog(curves, step)
        try:
            with memory("in training", self._kept):
                self._train(found)
        finally:
            self._log.close()
        return self._metrics

    def _train(self, found: Checkpoint | None) -> None:
        trainer = self._trainer()
        if found is None:
            self._look(trainer, 0)
            self.first = dict(self._metrics)
        self._best.begin(self.first, resumed=found is not None)
        if found is not None and found.notes["ended"]:
            state.weights(trainer.model, self._loaded["weights"])
            step = found.step
        else:
            trainer.train(resume_from_checkpoint=str(found.folder) if found else None)
            step = trainer.state.global_step
        self._loaded = {}
        self._metrics, remark = self._best.settle(
            trainer.model, step, self._metrics, self._settings.keep
        )
        if remark:
            self._job.remark(remark)

    def _trainer(self) -> Any:
        import transformers
        from transformers.trainer_callback import PrinterCallback, TrainerCallback

        harness = self
        hooks = Hooks(
            data=self._data,
            compute_loss=self._loss,
            on_step=self._told,
            load=self._load,
            kept=self._kept,
        )
        kind = guarded(self._kind or transformers.Trainer, hooks)
        words = in_words(self._settings, self._job.folder / "trainer") | self._more
        settings_kind = transformers.TrainingArguments
        if self._kind and issubclass(self._kind, transformers.Seq2SeqTrainer):
            settings_kind = transformers.Seq2SeqTrainingArguments

        class Each(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
                control.should_training_stop |= harness._step(trainer)

        trainer = kind(
            model=self._model,
            args=settings_kind(**words),
            data_collator=self._collator,
            train_dataset=[],
            callbacks=[Each()],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _step(self, trainer: Any) -> bool:
        """Do what is due after a step, and say whether it was the last one; whoever asks the job to
        end waits for its checkpoint."""
        step, settings = trainer.state.global_step, self._settings
        trainer.told()
        last: bool = step >= settings.steps
        if last or step % settings.evaluate_every == 0:
            self._look(trainer, step)
            self._best.look(trainer.model, step, self._metrics)
            last = last or self._tired(step)
        if last or self._job.stopping or step % settings.checkpoint_every == 0:
            self._save(trainer, step, last)
        self._job.check()
        return last

    def _tired(self, step: int) -> bool:
        """Whether as many looks as the recipe allows have found nothing better."""
        looks = (step - self._best.step) // self._settings.evaluate_every
        return self._settings.patience is not None and looks >= self._settings.patience

    def _told(self, step: int, metrics: dict[str, float]) -> None:
        self._log.add(step, metrics)
        self._metrics |= metrics
        self._job.report(step, metrics, check=False)

    def _look(self, trainer: Any, step: int) -> None:
        """Look at held-out data; the random numbers of training are not touched."""
        if self._evaluate is None:
            return
        import torch

        model = trainer.model
        was, devices = model.training, range(torch.cuda.device_count())
        model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=list(devices)), _as(model, was):
            torch.manual_seed(self._settings.seed)
            metrics = self._evaluate(model)
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise InvalidArgument(f"{name} is {value} at step {step}; {self._kept()}")
        self._log.add(step, metrics)
        self._metrics |= metrics
        self._job.report(step, metrics, check=False)

    def _save(self, trainer: Any, step: int, ended: bool) -> None:
        import torch

        def write(folder: Path) -> None:
            trainer.state.save_to_json(str(folder / "trainer_state.json"))
            torch.save(state.capture(trainer, self._data), folder / _STATE)

        self._log.flush()
        notes = {"first": self.first, "last": self._metrics, "ended": ended}
        self._saved = self._points.save(step, write, notes)

    def _load(self, part: str, trainer: Any) -> None:
        if part == "weights":
            state.weights(trainer.model, self._loaded["weights"])
        elif part == "optimiser":
            state.optimiser(trainer, self._loaded, self._data)
        else:
            state.random(self._loaded)
            self._loaded = {}

    def _kept(self) -> str:
        if self._saved is None:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self._saved.folder} of step {self._saved.step}"


@contextmanager
def _as(model: Any, training: bool) -> Iterator[None]:
    try:
        yield
    finally:
        model.train(training)


__all__ = ["Evaluate", "Harness", "Stopped"]
