"""A job of the kind `rl`: which algorithm it is, and from what it learns.

Interface:
    work            the job's work
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job
from .recipe import SETTINGS, read

#: Algorithms whose recipe is not ours to read: `module:function`, below the learning service.
ELSEWHERE: Mapping[str, str] = {"group-relative": "..language.work:work"}


async def work(job: Job) -> None:
    """Do the job. Raises `InvalidArgument` for a file that does not say what to do."""
    algorithm = job.recipe["job"].get("algorithm")
    if isinstance(algorithm, str) and algorithm in ELSEWHERE:
        module, _, name = ELSEWHERE[algorithm].partition(":")
        await _run(getattr(import_module(module, __package__), name), job)
        return
    if algorithm not in SETTINGS:
        known = ", ".join([*SETTINGS, *ELSEWHERE])
        raise InvalidArgument(f"{job.file}: [job] algorithm is one of {known}, not {algorithm!r}")
    recipe = read(job.recipe, job.file)
    place = ".offline" if recipe.episodes is not None else ".session"
    learn = getattr(await asyncio.to_thread(import_module, place, __package__), "learn")  # noqa: B009
    await asyncio.to_thread(learn, job, recipe)


async def _run(function: Any, job: Job) -> None:
    if inspect.iscoroutinefunction(function):
        await function(job)
    else:
        await asyncio.to_thread(function, job)
