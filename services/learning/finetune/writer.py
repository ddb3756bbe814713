"""A model that writes and is to write otherwise: what fine-tuning by dialogues and by preferences
begins and ends with.

Interface:
    Writer      the lines of a job, the `parent`, the model that learns, `publish`
"""

from __future__ import annotations

from typing import Any, Generic

from ..job import Job
from ..training.given import publish
from . import parents
from .adapters import adapt
from .recipe import Instruct, Prefer
from .rows import R, rows


class Writer(Generic[R]):
    """A job's data, and its parent with its tokenizer."""

    def __init__(self, job: Job, recipe: Instruct | Prefer, kind: type[R]) -> None:
        """Read lines of a kind. Raises `InvalidArgument` for those that are none, and `NotFound`
        and `InvalidArgument` for the parent."""
        import transformers

        self.train, self.held_out = (
            rows(job.source, names, kind) for names in (recipe.data.train, recipe.data.held_out)
        )
        transformers.set_seed(recipe.training.seed)
        self._job, self._recipe = job, recipe
        self._folder = parents.fetch(job, recipe.model.parent)
        self.tokenizer = parents.tokenizer(self._folder)

    def parent(self) -> Any:
        """Return the parent, as it is."""
        return parents.causal(self._folder)

    def learner(self, model: Any) -> Any:
        """Return what learns: the parent itself, or with an adapter that alone does."""
        part = self._recipe.adapter
        return model if part is None else adapt(model, part, self._folder)

    def publish(self, model: Any, data: dict[str, Any], scores: dict[str, float]) -> None:
        """Give the model in, or its adapter alone."""
        whole = self._recipe.adapter is None
        publish(
            self._job,
            model,
            self.tokenizer if whole else None,
            kind="causal" if whole else "adapter",
            parent=self._recipe.model.parent,
            data=data,
            scores=scores,
        )
