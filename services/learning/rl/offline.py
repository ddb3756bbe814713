"""A job that learns macro-actions from what agents have done, as the journal has it.

Interface:
    learn           the whole of it
    gather          the episodes that a recipe names
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Sequence

from ....syscalls.episodes import parsed
from ....syscalls.errors import InvalidArgument
from ....syscalls.learning import Episode
from ..job import Job
from ..training.checkpoints import Checkpoints
from ..training.extras import require
from ..training.log import CurveLog
from .decisions import Decision, decisions
from .learner import Memo
from .linear import LinearQ
from .memo import keep, recall
from .policy import save
from .recipe import Episodes, Offline, Recipe

#: Checkpoints of a whole job.
KEPT = 10


def learn(job: Job, recipe: Recipe) -> dict[str, float]:
    """Learn from episodes, publish the policy, and return how it does on those held out.

    Raises `InvalidArgument` where there is nothing to learn: no episodes, none with a reward or a
    decision, or all worth the same.
    """
    require("tensorboard")
    assert recipe.episodes is not None and isinstance(recipe.learning, Offline)
    episodes = asyncio.run(_judged(job, recipe, gather(job, recipe.episodes)))
    taught, held_out = _parted(episodes, recipe)
    seen = [one for decided in taught for one in decided]
    base = min(one.reward for one in seen) - recipe.learning.caution
    learner = LinearQ(recipe.learning, sorted({one.action for one in seen}), base)
    mean = statistics.fmean(decided[-1].reward for decided in taught)
    good = [one for decided in held_out for one in decided if decided[-1].reward > mean]
    _teach(job, recipe, recipe.learning, learner, seen, good)
    scores = {
        "agreement": _agreement(learner, good),
        "reward": statistics.fmean(decided[-1].reward for decided in [*taught, *held_out]),
    }
    folder = job.folder / "policy"
    action = recipe.episodes.action
    save(folder, "linear", {"weights": learner.weights}, learner.actions, decides=action)
    data = {"episodes": len(episodes), "decisions": len(seen), "held out": len(held_out)}
    name = recipe.publish or job.name
    job.publish(name, folder, kind="policy", data=data, scores=scores)
    print(_summary(len(episodes), len(good), scores["agreement"]), flush=True)
    return scores


def gather(job: Job, wanted: Episodes) -> list[Episode]:
    """Return the episodes that a recipe names. Raises `InvalidArgument` where there are none."""
    if wanted.file is not None:
        found = list(parsed(job.source / wanted.file))
    else:
        found, more = [], True
        while more:
            after = found[-1].pid if found else 0
            page = job.ask(job.os.learning.trajectories(name=wanted.name, after=after))
            found, more = [*found, *page], bool(page)
    if not found:
        raise InvalidArgument(f"there are no episodes of {wanted.file or wanted.name!r}")
    return found


async def _judged(job: Job, recipe: Recipe, episodes: Sequence[Episode]) -> list[Episode]:
    verifier = recipe.reward.load(job.source)
    return [await recipe.reward.judged(one, verifier) for one in episodes]


def _parted(
    episodes: Sequence[Episode], recipe: Recipe
) -> tuple[list[list[Decision]], list[list[Decision]]]:
    """Return the decisions of the episodes that are taught and of those held out."""
    assert recipe.episodes is not None
    action, part = recipe.episodes.action, recipe.episodes.held_out
    rewarded = [one for one in episodes if one.reward is not None]
    if not rewarded:
        raise InvalidArgument("nobody has said what the episodes were worth: see [reward]")
    chosen = [(one.reward, found) for one in rewarded if (found := decisions(one, action))]
    if not chosen:
        raise InvalidArgument(f"no episode chooses a {action}")
    worths = {worth for worth, _ in chosen}
    if len(worths) == 1:
        raise InvalidArgument(
            f"all episodes that choose a {action} are worth the same, {worths.pop():g}: nothing "
            f"can be learnt"
        )
    made = [found for _, found in chosen]
    order = list(range(len(made)))
    random.Random(recipe.learning.seed).shuffle(order)
    held_out = set(order[: len(made) // part])
    taught = [one for place, one in enumerate(made) if place not in held_out]
    return taught, [made[place] for place in sorted(held_out)]


def _teach(
    job: Job,
    recipe: Recipe,
    settings: Offline,
    learner: LinearQ,
    seen: Sequence[Decision],
    good: Sequence[Decision],
) -> None:
    points = Checkpoints(job.checkpoints, job.recipe)
    point = points.latest()
    done = 0
    if point is not None and recall(point).arrays["weights"].shape == learner.weights.shape:
        learner.weights, done = recall(point).arrays["weights"], point.step
    job.begin(settings.passes, done)
    log = CurveLog(job.folder / "tensorboard", done)
    try:
        prepared = learner.prepared(seen)
        _tell(job, log, done, {"agreement": _agreement(learner, good)})
        for number in range(done, settings.passes):
            error = learner.learn(prepared, number)
            step = number + 1
            _tell(job, log, step, {"error": error, "agreement": _agreement(learner, good)})
            if job.stopping or step % max(settings.passes // KEPT, 1) == 0:
                keep(points, step, Memo(arrays={"weights": learner.weights}, values={}))
            job.check()
    finally:
        log.close()


def _tell(job: Job, log: CurveLog, step: int, metrics: dict[str, float]) -> None:
    log.add(step, metrics)
    job.report(step, metrics, check=False)


def _agreement(learner: LinearQ, good: Sequence[Decision]) -> float:
    """Return the share of decisions of good episodes that the policy would take as well."""
    if not good:
        return 0.0
    return statistics.fmean(learner.best(one.course) == one.action for one in good)


def _summary(episodes: int, good: int, agreement: float) -> str:
    return (
        f"{episodes} episodes; of {good} decisions of good ones that were held out, "
        f"the policy takes {agreement:.1%}"
    )
