"""Giving a model in.

Interface:
    publish
"""

from __future__ import annotations

import shutil
from typing import Any

from ..job import Job
from .failures import whole, writing


def publish(job: Job, model: Any, tokenizer: Any, **card: Any) -> None:
    """Save a model below the job's folder and publish it under the job's name; with a tokenizer,
    unless it is an adapter, which has its parent's."""
    folder = job.folder / "model"
    with writing("the model"), whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)
    job.publish(job.name, folder, **card)
