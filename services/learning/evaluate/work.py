"""The job that tries a model on held-out tasks beside another one, and says whether it is better.

Each task is worked on by two agents, one for each model, at the same time and in the same house.
The verdict is noted on the candidate's card; what answers is not touched.

Interface:
    work(job)       the job
    GateFailed      the candidate is not better
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....syscalls.errors import DeviceError, InvalidArgument, PermissionDenied
from ..training.settings import check
from .agent import Agent
from .gate import Gate, Pair, by_kind, judged
from .recipe import Evaluate
from .seats import Seats
from .suite import Suite
from .table import show
from .trials import Order, Trial, Trials
from .verifier import find

if TYPE_CHECKING:
    from ..job import Job


class GateFailed(PermissionDenied):
    """The candidate has not passed the gate."""


async def work(job: Job) -> None:
    """Evaluate, as the parts `[evaluate]`, `[agent]` and `[gate]` of the recipe say.

    Raises `GateFailed` for a candidate that is not better, `InvalidArgument` and `NotFound` for
    what cannot be tried, `DeviceError` where the baseline is not answered.
    """
    recipe = check(Evaluate, job.recipe.get("evaluate"), f"{job.file}: [evaluate]")
    agent = check(Agent, job.recipe.get("agent", {}), f"{job.file}: [agent]")
    gate = check(Gate, job.recipe.get("gate", {}), f"{job.file}: [gate]")
    suite = await asyncio.to_thread(Suite.read, job.source / recipe.suite)
    if agent.program is not None:
        _fit_for_anybody(suite, recipe)
    trials = Trials(
        job.os, agent, find(recipe.verifier, job.source), folder=job.source,
        parallel=recipe.parallel,
    )  # fmt: skip
    async with Seats(job.os) as seats:
        baseline = await seats.seat(recipe.baseline)
        targets = [baseline]
        if recipe.model is not None:
            targets.append(await seats.seat(recipe.model))
            if targets[0] == targets[1]:
                raise InvalidArgument(f"{recipe.model} would be compared with itself")
        total = len(suite.cases) * len(targets)
        job.id = await job.os.learning.begin(job.kind, job.name, job.recipe, total=total)
        made = await trials.run(
            [
                Order(case=case, drawing=_drawing(recipe, target, place))
                for place, case in enumerate(suite.cases)
                for target in targets
            ],
            done=lambda count: job.report(count, {}),
        )
        if recipe.model is None:
            _alone(job, suite, recipe, made)
            return
        pairs = [
            Pair(
                kind=before.order.case.kind,
                baseline=before.reward >= recipe.solved,
                candidate=after.reward >= recipe.solved,
            )
            for before, after in zip(made[::2], made[1::2], strict=True)
        ]
        _answered(made[::2])
        verdict = judged(pairs, gate, suite=suite.name, baseline=baseline)
        failed = sum(one.failure is not None for one in made[1::2])
        show(by_kind(pairs), verdict)
        # While it runs nobody can give its name to another model.
        await job.os.learning.judge(recipe.model, verdict)
    job.report(
        total,
        {
            "solved": verdict.solved / verdict.tasks,
            "baseline": verdict.baseline_solved / verdict.tasks,
            "won": verdict.won,
            "lost": verdict.lost,
            "p": verdict.p,
        },
    )
    if not verdict.passed:
        note = f" ({failed} of its tasks ended without an answer of the device)" if failed else ""
        raise GateFailed(f"the gate keeps {recipe.model} out: {verdict.reason}{note}")


def _drawing(recipe: Evaluate, target: str, place: int) -> dict[str, object]:
    drawing: dict[str, object] = {"model": target, "temperature": recipe.temperature}
    if recipe.temperature:
        drawing["seed"] = recipe.seed * 1_000_003 + place
    return drawing


def _alone(job: Job, suite: Suite, recipe: Evaluate, made: Sequence[Trial]) -> None:
    """Say how well what answers does."""
    _answered(made)
    solved = [one.reward >= recipe.solved for one in made]
    print(f"{sum(solved)} of {len(solved)} tasks of {suite.name} solved")
    job.report(len(made), {"solved": sum(solved) / len(solved)})


def _answered(made: Sequence[Trial]) -> None:
    """Raise `DeviceError` where a model that is the measure was not answered by the device."""
    failed = [one for one in made if one.failure is not None]
    if failed:
        raise DeviceError(
            f"{len(failed)} of {len(made)} agents of the baseline were not answered: "
            f"{failed[0].failure}"
        )


def _fit_for_anybody(suite: Suite, recipe: Evaluate) -> None:
    """Raise `InvalidArgument` for what only the pupil can do: it alone begins with a memory and
    files of its own, and asks the model that it is told to."""
    for case in suite.cases:
        if case.memory or case.files or case.expect.memory or case.expect.files:
            raise InvalidArgument(
                f"the task {case.id} has a memory or files: an agent's own program begins without"
            )
    if recipe.model is not None:
        raise InvalidArgument(
            "an agent's own program asks what answers: it can be tried without a `model` alone"
        )
