"""A job that learns in a world: episode after episode, tried now and then, to the best policy.

Interface:
    learn           the whole of it, in a gymnasium world or on agents' tasks
    tried           the returns of a policy's episodes
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.checkpoints import Checkpoints
from ..training.extras import require
from ..training.log import CurveLog
from .learner import Arrays, Learner, Memo, Played
from .memo import keep, recall
from .policy import Policy, save
from .prior import UNIT
from .recipe import Evaluation, Online, Recipe
from .world import Guarded, open_world, seed_of, shape_of

#: Points of a curve, checkpoints and quick tries of a whole job.
POINTS, KEPT, TRIES = 200, 20, 20
_BEST = "best/"


def learn(job: Job, recipe: Recipe) -> dict[str, float]:
    """Learn in a world, publish the best policy, and return its scores.

    Raises `Stopped` where the job was asked to end, `DeviceError` for a world that crashes, and
    `InvalidArgument` where learning diverges; the same job goes on from its last checkpoint.
    """
    require("gymnasium", "tensorboard")
    assert isinstance(recipe.learning, Online)
    env, about = _opened(job, recipe)
    try:
        return _Session(job, recipe, recipe.learning, env, about).run()
    finally:
        env.close()


def tried(
    policy: Policy,
    env: Guarded,
    seed: int,
    purpose: str,
    episodes: int,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """Return the sums of rewards of a policy that does what it holds for the best. `check` is
    called before each episode, and may end it all by what it raises."""
    found: list[float] = []
    for number in range(episodes):
        check()
        observation, total, over = env.reset(seed_of(seed, purpose, number)), 0.0, False
        while not over:
            scores = policy.scores(observation)
            observation, reward, ended, cut = env.step(scores.index(max(scores)))
            total, over = total + reward, ended or cut
        found.append(total)
    return found


class _Session:
    """One run of a job. Owns the learner and the best policy so far."""

    def __init__(
        self, job: Job, recipe: Recipe, settings: Online, env: Guarded, about: dict[str, Any]
    ) -> None:
        self._job, self._recipe, self._env = job, recipe, env
        self._settings = settings
        #: What the policy says of itself.
        self._about = about
        self._judging: Evaluation = recipe.evaluation
        self._points = Checkpoints(job.checkpoints, job.recipe)
        self._learner, self._actions = _learner(recipe, env)
        self._best: tuple[float, str, Arrays] | None = None
        #: What the policy was worth before anything was learnt.
        self._first = 0.0
        self._window: list[Played] = []
        self._log: CurveLog

    def run(self) -> dict[str, float]:
        done = self._resume()
        self._job.begin(self._settings.episodes, done)
        self._log = CurveLog(self._job.folder / "tensorboard", done)
        try:
            if not done:
                self._first = self._quick(0, self._policy(*self._learner.policy()))
            last = self._learn(done)
            scores = self._final()
            self._tell(last, {f"final_{name}": value for name, value in scores.items()})
        finally:
            self._log.close()
        self._publish(scores, last)
        return scores

    def _learn(self, done: int) -> int:
        """Play the episodes that are left, or fewer where the goal is reached; return the last."""
        total, seed = self._settings.episodes, self._settings.seed
        every = self._judging.every or max(total // TRIES, 1)
        for number in range(done, total):
            start = seed_of(seed, "learning", number)
            self._window.append(self._learner.play(self._env, start, number / total))
            step = number + 1
            if step % max(total // POINTS, 1) == 0 or step == total:
                self._tell(step, _averages(self._window))
                self._window.clear()
            reached = (step % every == 0 or step == total) and self._try(step)
            if self._job.stopping or step % max(total // KEPT, 1) == 0 or reached or step == total:
                keep(self._points, step, self._memo())
            self._job.check()
            if reached:
                return step
        return total

    def _try(self, step: int) -> bool:
        """Try the policy as it is, keep it if none was better, and say whether the goal is
        reached: first by a few episodes, then by as many as the last word takes."""
        form, arrays = self._learner.policy()
        policy = self._policy(form, arrays)
        score = self._quick(step, policy)
        if self._best is None or score >= self._best[0]:
            self._best = (score, form, arrays)
            goal = self._judging.goal
            if goal is not None and score >= goal:
                returns = self._returns(policy, "goal", self._judging.episodes)
                return statistics.fmean(returns) >= goal
        return False

    def _quick(self, step: int, policy: Policy) -> float:
        score = statistics.fmean(self._returns(policy, "try", self._judging.quick))
        self._tell(step, {"return_greedy": score})
        return score

    def _final(self) -> dict[str, float]:
        """Return the scores of the best policy on episodes that nothing was chosen by."""
        assert self._best is not None
        _, form, arrays = self._best
        returns = self._returns(self._policy(form, arrays), "final", self._judging.episodes)
        return _scores(returns, self._env.threshold)

    def _returns(self, policy: Policy, purpose: str, episodes: int) -> list[float]:
        seed, check = self._settings.seed, self._job.check
        return tried(policy, self._env, seed, purpose, episodes, check)

    def _publish(self, scores: Mapping[str, float], episodes: int) -> None:
        assert self._best is not None
        best, form, arrays = self._best
        folder = self._job.folder / "policy"
        save(folder, form, arrays, self._actions, **self._about)
        self._job.publish(
            self._recipe.publish or self._job.name,
            folder,
            kind="policy",
            data={"world": self._env.name, "episodes": episodes, "seed": self._settings.seed},
            scores=dict(scores),
        )
        if best <= self._first:
            self._job.remark(
                f"nothing was learnt: return_greedy was {self._first:.4g} at the beginning, and "
                f"{best:.4g} at best"
            )
        print(_summary(self._env.name, scores, episodes, self._settings.seed), flush=True)

    def _policy(self, form: str, arrays: Arrays) -> Policy:
        return Policy({"form": form, "actions": self._actions, **self._about}, arrays)

    def _tell(self, step: int, metrics: dict[str, float]) -> None:
        self._log.add(step, metrics)
        self._job.report(step, metrics, check=False)

    def _memo(self) -> Memo:
        """Return the learner's state with the best policy."""
        memo = self._learner.memo()
        values: dict[str, Any] = {"learner": memo.values, "first": self._first}
        if self._best is None:
            return Memo(arrays=memo.arrays, values=values)
        score, form, arrays = self._best
        best = {_BEST + name: array for name, array in arrays.items()}
        return Memo(arrays={**memo.arrays, **best}, values=values | {"score": score, "form": form})

    def _resume(self) -> int:
        """Go on from the last checkpoint; return the episodes that are done."""
        point = self._points.latest()
        if point is None:
            return 0
        memo = recall(point)
        best = {
            name.removeprefix(_BEST): array
            for name, array in memo.arrays.items()
            if name.startswith(_BEST)
        }
        if best:
            self._best = (memo.values["score"], memo.values["form"], best)
        self._first = memo.values["first"]
        self._learner.restore(Memo(arrays=memo.arrays, values=memo.values["learner"]))
        return point.step


def _opened(job: Job, recipe: Recipe) -> tuple[Guarded, dict[str, Any]]:
    """Return the world that is learnt in, and what there is to say of a policy for it."""
    if recipe.world is not None:
        return open_world(recipe.world), {"world": recipe.world.model_dump()}
    from .tasks import AgentTasks, Live

    wanted = recipe.tasks
    assert wanted is not None
    live = Live(job.os, job.ask, job.source / wanted.file, wanted.tools)
    env = AgentTasks(
        live,
        features=wanted.features,
        steps=wanted.steps,
        cost=wanted.cost,
        prior=wanted.prior > 0,
    )
    about = {"features": wanted.features, "prior": bool(wanted.prior), "decides": "tool"}
    return Guarded(env, wanted.file), about


#: Where each algorithm's learner stands; torch is loaded for those that need it.
_LEARNERS = {
    "q": "tabular:TableLearner",
    "dqn": "dqn:DeepLearner",
    "reinforce": "reinforce:GradientLearner",
}


def _learner(recipe: Recipe, env: Guarded) -> tuple[Learner, list[str]]:
    """Return the algorithm's learner, and names of the actions. Raises `InvalidArgument` where it
    cannot learn in this world."""
    numbered, states, actions = shape_of(env)
    algorithm = recipe.job.algorithm
    module, _, name = _LEARNERS[algorithm].partition(":")
    make: Callable[..., Learner] = getattr(import_module(f".{module}", __package__), name)
    names = list(getattr(env.unwrapped, "actions", map(str, range(actions))))
    if algorithm != "q":
        import torch

        torch.set_num_threads(1)
        trust = UNIT * recipe.tasks.prior if recipe.tasks is not None else 0.0
        return make(recipe.learning, numbered, states, actions, trust), names
    if not numbered:
        raise InvalidArgument(
            f"the algorithm q takes numbered states; {env.name} shows {states} numbers: take dqn"
        )
    return make(recipe.learning, states, actions), names


def _averages(window: Sequence[Played]) -> dict[str, float]:
    """Return the means of what was played; what the last episode said of itself stands as it is."""
    found = {
        "return": statistics.fmean(one.reward for one in window),
        "length": statistics.fmean(one.steps for one in window),
    }
    for one in window:
        found |= one.metrics
    return found


def _scores(returns: Sequence[float], threshold: float | None) -> dict[str, float]:
    found = {"return": statistics.fmean(returns), "deviation": statistics.pstdev(returns)}
    if threshold is not None:
        found["solved"] = statistics.fmean(one >= threshold for one in returns)
    return found


def _summary(world: str, scores: Mapping[str, float], episodes: int, seed: int) -> str:
    mean, deviation = scores["return"], scores["deviation"]
    told = f"{world}: mean return {mean:.3f} (standard deviation {deviation:.3f})"
    return f"{told} after {episodes} episodes, seed {seed}"
