"""The job in which a language model learns by reinforcement from what agents did with it.

A round: agents work on tasks with the model as it is, their episodes are read from the journal and
judged, the weights change, and the new model takes the old one's place on the device. What answers
everybody else's calls is not touched: the one that learns runs beside it, and agents name it.

Interface:
    work(job)       the job
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluate.agent import Agent
from ..training.settings import check
from .course import Course
from .recipe import Language

if TYPE_CHECKING:
    from ..job import Job


async def work(job: Job) -> None:
    """Learn, as the parts `[language]` and `[agent]` of the recipe say."""
    recipe = check(Language, job.recipe.get("language"), f"{job.file}: [language]")
    agent = check(Agent, job.recipe.get("agent", {}), f"{job.file}: [agent]")
    async with Course(job, recipe, agent) as course:
        await course.run()
