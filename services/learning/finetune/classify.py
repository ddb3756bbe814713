"""Fine-tuning a classifier: labelled texts, a head on an encoder.

Interface:
    work(job, recipe)
    Labelled        a line: a text and its label
    drawn           a few lines of each label
    look            how a classifier does on held-out examples
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import field_validator

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.given import publish
from ..training.harness import Harness
from . import parents
from .recipe import Classify, LabelledPart
from .rows import Row, rows
from .scores import Report

#: Texts that are looked at once in evaluation.
_BATCH = 64
#: Texts on the model's card that were taken for another label.
_SHOWN = 12


class Labelled(Row):
    """A text and its label."""

    text: str
    label: str

    @field_validator("text")
    @classmethod
    def _some(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("a text is wanted")
        return text

    @field_validator("label", mode="before")
    @classmethod
    def _named(cls, label: Any) -> Any:
        """Labels may be numbers."""
        return str(label) if isinstance(label, int) else label


def work(job: Job, recipe: Classify) -> None:
    """Train, report and publish a classifier. Raises `InvalidArgument` before anything is trained
    for data from which no label can be told."""
    import transformers

    train, held_out = (_read(job, recipe.data, names) for names in _both(recipe.data))
    labels = _labels(recipe.data, train, held_out)
    if recipe.data.per_label is not None:
        train = drawn(train, labels, recipe.data.per_label, recipe.training.seed)
    transformers.set_seed(recipe.training.seed)
    folder = parents.fetch(job, recipe.model.parent)
    tokenizer = parents.tokenizer(folder)
    from .head import on

    model = on(
        parents.encoder(folder, learnt=recipe.model.weights == "parent"),
        labels,
        pooling=recipe.head.pooling,
        freeze=recipe.head.freeze,
    )
    collator = Collator(tokenizer, _length(model, recipe.model.length))
    learnt = [collator.example(row, labels) for row in train]
    examples = [collator.example(row, labels) for row in held_out]

    def evaluate(model: Any) -> dict[str, float]:
        _, loss, report = look(model, examples, collator, labels)
        return {
            "held_out_loss": loss, "accuracy": report.accuracy, "macro_f1": report.macro_f1,
        }  # fmt: skip

    Harness(
        job,
        model=model,
        dataset=learnt,
        collator=collator,
        arguments=recipe.training,
        evaluate=evaluate,
        # The loss of a classifier that has learnt few texts by heart grows while it gets better.
        measure="accuracy",
    ).run()
    taken, _, report = look(model.train(False), examples, collator, labels)
    _show(report)
    publish(
        job,
        model,
        tokenizer,
        kind="classifier",
        parent=recipe.model.parent,
        data={
            "training texts": len(train),
            "held-out texts": len(held_out),
            "labels": len(labels),
            "classes": {
                label: {"precision": one.precision, "recall": one.recall, "f1": one.f1}
                for label, one in report.classes.items()
            },
            "confusion": report.confusion,
            "samples": _mistaken(held_out, taken),
        },
        scores={"accuracy": report.accuracy, "macro_f1": report.macro_f1},
    )


class Collator:
    """Texts to token ids, and examples to batches padded on the right."""

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer = tokenizer
        self._length = length

    def example(self, row: Labelled, labels: Sequence[str]) -> dict[str, Any]:
        """Return a row's token ids, cut to the length, and its label's place."""
        ids = self._tokenizer(row.text, truncation=True, max_length=self._length)["input_ids"]
        # A text may be all of signs that the tokenizer drops.
        ids = ids or [self._tokenizer.pad_token_id]
        return {"input_ids": ids, "labels": labels.index(row.label)}

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """input_ids and attention_mask [B, longest], labels [B]."""
        import torch

        longest = max(len(one["input_ids"]) for one in examples)
        ids = torch.full((len(examples), longest), self._tokenizer.pad_token_id)
        real = torch.zeros(len(examples), longest, dtype=torch.long)
        for place, one in enumerate(examples):
            ids[place, : len(one["input_ids"])] = torch.tensor(one["input_ids"])
            real[place, : len(one["input_ids"])] = 1
        labels = torch.tensor([one["labels"] for one in examples])
        return {"input_ids": ids, "attention_mask": real, "labels": labels}


def look(
    model: Any, examples: list[dict[str, Any]], collator: Collator, labels: Sequence[str]
) -> tuple[list[str], float, Report]:
    """Return the labels that held-out examples are taken to have, the mean loss, and a report."""
    import torch

    taken: list[int] = []
    loss = 0.0
    with torch.no_grad():
        for start in range(0, len(examples), _BATCH):
            batch = collator(examples[start : start + _BATCH])
            made = model(**{name: one.to(model.device) for name, one in batch.items()})
            taken += made.logits.argmax(-1).tolist()
            loss += float(made.loss) * len(batch["labels"])
    true = (one["labels"] for one in examples)
    report = Report.of(labels, zip(true, taken, strict=True))
    return [labels[place] for place in taken], loss / len(examples), report


def _both(data: LabelledPart) -> tuple[list[str], list[str]]:
    return data.train, data.held_out


def _read(job: Job, data: LabelledPart, names: list[str]) -> list[Labelled]:
    found = rows(job.source, names, Labelled, {"text": data.text, "label": data.label})
    if data.labels is not None:
        for number, row in enumerate(found, 1):
            if row.label not in data.labels:
                raise InvalidArgument(
                    f"{', '.join(names)}: text {number} has the label {row.label!r}, which is none "
                    f"of data.labels"
                )
    return found


def _labels(data: LabelledPart, train: list[Labelled], held_out: list[Labelled]) -> list[str]:
    learnt = {row.label for row in train}
    if len(learnt) < 2:
        raise InvalidArgument(
            f"{', '.join(data.train)}: all texts have the label {min(learnt)!r}; two are wanted"
        )
    if unknown := {row.label for row in held_out} - learnt:
        raise InvalidArgument(
            f"{', '.join(data.held_out)}: labels that no training text has: "
            + ", ".join(sorted(unknown)[:5])
        )
    both = {row.text for row in train} & {row.text for row in held_out}
    if both:
        raise InvalidArgument(
            f"{len(both)} of the held-out texts are learnt from: {min(both)[:60]!r}"
        )
    return sorted(learnt) if data.labels is None else data.labels


def drawn(train: list[Labelled], labels: list[str], count: int, seed: int) -> list[Labelled]:
    """Return `count` rows of each label. Raises `InvalidArgument` where one has fewer."""
    chance = random.Random(seed)
    of = {label: [row for row in train if row.label == label] for label in labels}
    if few := [label for label, rows in of.items() if len(rows) < count]:
        raise InvalidArgument(f"data.per_label: {few[0]} has {len(of[few[0]])} training texts")
    return [row for rows in of.values() for row in chance.sample(rows, count)]


def _length(model: Any, wanted: int) -> int:
    config = model.encoder.config
    most = getattr(config, "max_position_embeddings", None) or wanted
    # RoBERTa and its kin count places from behind the padding token's id.
    before = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return min(wanted, int(most) - before)


def _mistaken(held_out: list[Labelled], taken: list[str]) -> list[dict[str, str]]:
    wrong = [
        {"text": row.text, "label": row.label, "taken for": label}
        for row, label in zip(held_out, taken, strict=True)
        if label != row.label
    ]
    return wrong[:_SHOWN]


def _show(report: Report) -> None:
    from rich.console import Console

    Console(file=sys.stdout).print(report.table())
