"""What a training begins with: a model and its tokenizer, the same ones after a kill.

Interface:
    start       a new model with a tokenizer of its own, or the parent with its
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.checkpoints import fingerprint
from ..training.failures import writing
from .corpus import Corpus, Survey
from .models import build, load
from .recipe import Recipe
from .tokenizer import learn


def start(job: Job, recipe: Recipe, corpus: Corpus, seen: Survey) -> tuple[Any, Any]:
    """Return a model and a tokenizer. They lie beside the job's checkpoints until it has succeeded.

    Raises `NotFound` for a parent that is not there, `InvalidArgument` for one that does not fit.
    """
    import transformers

    transformers.set_seed(recipe.training.seed)
    objective = recipe.objective.kind
    folder = _prepared(job, corpus)
    if recipe.model.parent is not None:
        if not folder.exists():
            _fetch(job, recipe.model.parent, folder)
        model, tokenizer = load(folder, objective)
        most = getattr(model.config, "max_position_embeddings", None)
        if most is not None and recipe.model.length > most:
            raise InvalidArgument(f"{job.file} model.length: the parent takes {most} tokens")
        return model, tokenizer
    if folder.exists():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    else:
        tokenizer = learn(seen.sample, recipe.tokenizer, objective, recipe.model.length)
        with writing("the tokenizer"):
            aside = folder.with_suffix(".aside")
            tokenizer.save_pretrained(aside)
            aside.rename(folder)
    return build(recipe.model, objective, tokenizer), tokenizer


def _prepared(job: Job, corpus: Corpus) -> Path:
    """Return the folder for what this recipe begins with on these data; forgets that of others."""
    known = fingerprint({"recipe": job.recipe, "data": corpus.print_of()})
    folder = job.checkpoints / f"prepared-{known}"
    for other in job.checkpoints.glob("prepared-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _fetch(job: Job, parent: str, folder: Path) -> None:
    aside = folder.with_suffix(".aside")
    with writing("the parent"):
        aside.parent.mkdir(exist_ok=True)
        where = aside.relative_to(job.folder).as_posix()
        job.ask(job.os.learning.fetch(parent, where))
        aside.rename(folder)
