"""A pretraining job: reads its corpus, learns a tokenizer, trains a model and gives it in.

Interface:
    work(job)
"""

from __future__ import annotations

import sys
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.extras import require
from ..training.failures import memory
from ..training.given import publish
from ..training.harness import Harness
from .corpus import Corpus, Documents, Survey
from .examples import sentences
from .objectives import collator, held_out, measure, stream
from .perceived import perceive
from .recipe import Recipe, read
from .samples import samples
from .start import start

#: Characters of a token, more or less: as many held-out texts are kept.
_CHARACTERS = 8
_KINDS = {"causal": "causal", "masked": "masked", "masked+next": "masked", "denoise": "seq2seq"}


def work(job: Job) -> None:
    """Pretrain. Raises `InvalidArgument` for a recipe or corpus that is wrong, before anything is
    trained."""
    recipe = read(job)
    require("accelerate", "tensorboard")
    corpus = _corpus(job, recipe)
    wanted = recipe.corpus.held_out_examples * recipe.model.length * _CHARACTERS
    seen = corpus.survey(recipe.tokenizer.characters, wanted, job.check)
    _tell(recipe, corpus, seen)
    with memory("while the model was made"):
        model, tokenizer = start(job, recipe, corpus, seen)
    collate = collator(recipe, tokenizer)
    examples = held_out(recipe, corpus, seen.held_out, tokenizer)
    harness = Harness(
        job,
        model=model,
        dataset=stream(recipe, Documents(corpus), tokenizer, recipe.corpus.shuffle),
        collator=collate,
        arguments=recipe.training,
        evaluate=measure(recipe, examples, collate),
    )
    metrics = harness.run()
    shown = samples(recipe.objective.kind, model, tokenizer, examples, collate)
    _publish(job, recipe, model, tokenizer, seen, metrics, shown)
    _say(harness.first, metrics)


def _corpus(job: Job, recipe: Recipe) -> Corpus:
    if recipe.corpus.format != "documents":
        return Corpus(job.source, recipe.corpus)
    return perceive(job, recipe.corpus)


def _tell(recipe: Recipe, corpus: Corpus, seen: Survey) -> None:
    if recipe.objective.kind == "masked+next":
        for which in (seen.sample, seen.held_out):
            if not any(len(sentences(one)) > 1 for one in which):
                raise InvalidArgument("masked+next needs documents of two sentences or more")
    for trouble in corpus.troubles:
        print(f"passed over: {trouble}", file=sys.stderr)
    passed = f", {seen.skipped} passed over" if seen.skipped else ""
    print(
        f"{seen.files} files, {seen.documents} documents, {seen.characters} characters{passed}",
        file=sys.stderr,
    )


def _publish(
    job: Job,
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    seen: Survey,
    metrics: dict[str, float],
    shown: list[dict[str, str]],
) -> None:
    curves = {"loss", "gradient", "rate"}
    publish(
        job,
        model,
        tokenizer,
        kind=_KINDS[recipe.objective.kind],
        parent=recipe.model.parent,
        data={
            "files": seen.files,
            "documents": seen.documents,
            "characters": seen.characters,
            "passed over": seen.skipped,
            "samples": shown,
        },
        scores={name: value for name, value in metrics.items() if name not in curves},
    )


def _say(first: dict[str, float], last: dict[str, float]) -> None:
    """Print what was reached."""
    for name, value in last.items():
        if name in first and name not in ("rate", "gradient", "loss"):
            print(f"{name}: {first[name]:.4g} → {value:.4g}")
