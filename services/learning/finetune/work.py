"""A fine-tuning job: a model that has learnt something learns something else.

Interface:
    work(job)
    METHODS     where the ways to do it are found
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..job import Job
from ..training.extras import require
from .recipe import read

#: `module:function` of each method, below this package. The function takes the job and its recipe.
METHODS: Mapping[str, str] = {
    "classify": ".classify:work",
    "instruct": ".instruct:work",
    "lora": ".instruct:work",
    "prefer": ".prefer:work",
}


def work(job: Job) -> None:
    """Fine-tune as the recipe says. Raises `InvalidArgument` for a recipe or data that are wrong,
    before anything is trained."""
    recipe = read(job)
    require("accelerate", "tensorboard")
    import transformers

    words: Any = transformers.utils.logging
    words.disable_progress_bar()
    words.set_verbosity_error()
    module, _, name = METHODS[recipe.job.method].partition(":")
    getattr(import_module(module, __package__), name)(job, recipe)
