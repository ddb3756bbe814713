"""The model that learns, with its optimiser: one round's lessons change its weights.

Interface:
    Learner         load, learn, export; state for a checkpoint
    Diverged        the loss or the weights are no numbers any more
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....syscalls.errors import InvalidArgument
from .lesson import Lesson
from .objective import objective
from .recipe import Language

#: Tokens of one pass.
TOKENS = 8192
#: Nats by which a turn's log-probability may differ from the one that was noted.
STRANGE = 0.5
_LONGEST = 1.0


class Diverged(InvalidArgument):
    """The loss is no number any more: a lower rate may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A lesson with what its tokens' likelihoods were, [tokens that were chosen]."""

    lesson: Lesson
    drawn: Tensor
    reference: Tensor | None
    #: Which of them are learnt from.
    kept: Tensor


class Learner:
    """Owns the weights. Blocking: one thread at a time uses it."""

    def __init__(self, model: Any, tokenizer: Any, recipe: Language) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._recipe = recipe
        self._optimiser = torch.optim.AdamW(
            model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self._reference: Any = None
        if recipe.kl:
            from copy import deepcopy

            self._reference = deepcopy(model).requires_grad_(False)
        self.limit = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 20)

    @classmethod
    def load(cls, folder: Path, recipe: Language) -> Learner:
        """Read a model's folder in float32. Raises `InvalidArgument` for what is no causal LM."""
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(recipe.threads)
        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32
            )
        except (OSError, ValueError, KeyError) as error:
            raise InvalidArgument(f"{recipe.model} is no causal language model: {error}") from error
        if not tokenizer.chat_template:
            raise InvalidArgument(f"{recipe.model} has no chat template")
        if not _plain(model):
            raise InvalidArgument(f"{recipe.model} changes its scores after the head: not learnt")
        # Dropout would make the likelihoods others than those that were drawn with.
        return cls(model.eval(), tokenizer, recipe)

    def learn(self, lessons: Sequence[Lesson], share: float, seed: int) -> dict[str, float]:
        """Change the weights by one round's lessons, at a share of the full rate.

        Returns `loss`, `clipped` (share of tokens), `moved` (mean change of a token's
        log-probability, in nats), `norm` (of the gradient) and `strange` (turns that were left
        out). Raises `Diverged`, and then the weights are not to be used.
        """
        for part in self._optimiser.param_groups:
            part["lr"] = self._recipe.rate * share
        fitting = [one for one in lessons if len(one.ids) <= self.limit]
        known, strange = self._known(fitting)
        order = random.Random(seed)
        order.shuffle(known)
        sums: dict[str, float] = {"loss": 0.0, "clipped": 0.0, "moved": 0.0, "norm": 0.0}
        size = math.ceil(len(known) / self._recipe.updates) or 1
        steps = [known[at : at + size] for at in range(0, len(known), size)]
        for step in steps:
            for name, value in self._step(step).items():
                sums[name] += value / len(steps)
        if not all(math.isfinite(one) for one in sums.values()):
            raise Diverged
        return {**sums, "strange": float(strange)}

    def export(self, folder: Path) -> None:
        """Write the model as transformers reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, but the weights."""
        return {"optimiser": self._optimiser.state_dict(), "random": torch.get_rng_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Bring it to where `state` was taken."""
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])

    def _known(self, lessons: Sequence[Lesson]) -> tuple[list[_Known], int]:
        """Judge all that was done by the weights that it was done with."""
        made, strange = [], 0
        for some in _batches(lessons):
            with torch.inference_mode():
                drawn, own = self._logprobs(self.model, some)
                reference = None
                if self._reference is not None:
                    reference, _ = self._logprobs(self._reference, some)
            for place, lesson in enumerate(some):
                kept = _kept(lesson, own[place])
                strange += sum(not kept[at] for at in _starts(lesson))
                if kept.any():
                    made.append(
                        _Known(
                            lesson=lesson,
                            drawn=drawn[place].clone(),
                            reference=None if reference is None else reference[place].clone(),
                            kept=kept,
                        )
                    )
        return made, strange

    def _step(self, known: Sequence[_Known]) -> dict[str, float]:
        """One change of the weights."""
        total = sum(int(one.kept.sum()) for one in known)
        sums = {"loss": 0.0, "clipped": 0.0, "moved": 0.0}
        by_lesson = {id(one.lesson): one for one in known}
        for some in _batches([one.lesson for one in known]):
            batch = [by_lesson[id(one)] for one in some]
            kept = torch.cat([one.kept for one in batch])
            now = torch.cat(self._logprobs(self.model, some)[0])[kept]
            drawn = torch.cat([one.drawn for one in batch])[kept]
            references = [one.reference for one in batch if one.reference is not None]
            advantage = torch.cat(
                [torch.full_like(one.drawn, one.lesson.advantage) for one in batch]
            )[kept]
            loss, clipped = objective(
                now, drawn, advantage, clip=self._recipe.clip, kl=self._recipe.kl,
                reference=torch.cat(references)[kept] if references else None,
            )  # fmt: skip
            (loss.sum() / total).backward()  # type: ignore[no-untyped-call]
            sums["loss"] += float(loss.detach().sum()) / total
            sums["clipped"] += float(clipped.sum()) / total
            sums["moved"] += float((now.detach() - drawn).abs().sum()) / total
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LONGEST)
        if not bool(norm.isfinite()):
            raise Diverged
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return {**sums, "norm": float(norm)}

    def _logprobs(self, model: Any, lessons: Sequence[Lesson]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the log-probability of each chosen token, by lesson: at the temperature at which
        it was drawn, and the model's own.

        Padding stands on the right, where nothing that looks back sees it.
        """
        width = max(len(one.ids) for one in lessons)
        inputs = torch.zeros(len(lessons), width, dtype=torch.long)
        chosen = torch.zeros(len(lessons), width, dtype=torch.bool)
        for row, lesson in enumerate(lessons):
            inputs[row, : len(lesson.ids)] = torch.tensor(lesson.ids)
            for action in lesson.actions:
                chosen[row, action.start : action.end] = True
        hidden = model.base_model(input_ids=inputs, use_cache=False).last_hidden_state
        # What stands before a token is what chooses it.
        logits = model.get_output_embeddings()(hidden[:, :-1][chosen[:, 1:]]).float()
        tokens = inputs[:, 1:][chosen[:, 1:]].unsqueeze(-1)
        sizes = [int(one) for one in chosen[:, 1:].sum(1)]
        drawn = (logits / self._recipe.temperature).log_softmax(-1).gather(-1, tokens).squeeze(-1)
        with torch.no_grad():
            own = logits.log_softmax(-1).gather(-1, tokens).squeeze(-1)
        return list(drawn.split(sizes)), list(own.split(sizes))


def _plain(model: Any) -> bool:
    """Say whether a model's scores are what its head makes of its last states."""
    ids = torch.arange(4).unsqueeze(0)
    with torch.inference_mode():
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        scores = model.get_output_embeddings()(hidden)
        return bool(torch.allclose(scores, model(ids, use_cache=False).logits, atol=1e-4))


def _kept(lesson: Lesson, own: Tensor) -> Tensor:
    """Return which of a lesson's tokens were really drawn so: those of turns whose likelihood is
    the one that was noted."""
    kept = torch.ones(len(own), dtype=torch.bool)
    for start, action in zip(_starts(lesson), lesson.actions, strict=True):
        part = slice(start, start + action.end - action.start)
        if action.logprob is not None:
            gap = abs(float(own[part].sum()) - action.logprob)
            kept[part] = gap <= STRANGE
    return kept


def _starts(lesson: Lesson) -> list[int]:
    """Return where each turn begins among a lesson's chosen tokens."""
    sizes = [one.end - one.start for one in lesson.actions]
    return [sum(sizes[:place]) for place in range(len(sizes))]


def _batches(lessons: Sequence[Lesson]) -> Iterator[list[Lesson]]:
    """Yield lessons of about one length, as many as one pass takes."""
    some: list[Lesson] = []
    for lesson in sorted(lessons, key=lambda one: len(one.ids)):
        if some and len(lesson.ids) * (len(some) + 1) > TOKENS:
            yield some
            some = []
        some.append(lesson)
    if some:
        yield some
