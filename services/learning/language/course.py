"""A course: round after round, until the rounds or the time are used up.

Interface:
    Course          a context; `run`
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ....syscalls.errors import DeviceError, InvalidArgument
from ..evaluate.agent import Agent
from ..evaluate.suite import Case, Suite
from ..evaluate.trials import Order, Trial, Trials
from ..evaluate.verifier import find
from ..training.checkpoints import Checkpoint, Checkpoints
from .bench import Bench
from .lesson import Lesson, lessons
from .objective import advantages
from .recipe import Language

if TYPE_CHECKING:
    from ..job import Job
    from .learner import Learner

_STATE = "state.pt"


class Course:
    """Owns the learner, and its place on the device."""

    def __init__(self, job: Job, recipe: Language, agent: Agent) -> None:
        """Raises `InvalidArgument` for suites and a verifier that cannot be read."""
        self._job, self._recipe = job, recipe
        self._suite = Suite.read(job.source / recipe.suite)
        self._check = None if recipe.check is None else Suite.read(job.source / recipe.check)
        self._trials = Trials(
            job.os, agent, find(recipe.verifier, job.source), folder=job.source,
            parallel=recipe.parallel,
        )  # fmt: skip
        self._checkpoints = Checkpoints(job.checkpoints, job.recipe)
        self._policies = job.folder / "policies"
        self._stack = AsyncExitStack()
        self._round = 0
        #: Seconds that were learnt, before this process's start and since.
        self._spent, self._begun = 0.0, time.monotonic()
        self._barren = 0
        self._best = -1.0
        self._given = False

    async def __aenter__(self) -> Course:
        self._bench = await self._stack.enter_async_context(Bench(self._job.os, self._policies))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        shutil.rmtree(self._policies, ignore_errors=True)

    async def run(self) -> None:
        """Learn, and give the best model in. Raises `InvalidArgument` where there is nothing to
        learn, or the model's likelihoods are no numbers any more, `DeviceError` where the model
        cannot be asked, `Stopped` once the job is to end."""
        recipe, job = self._recipe, self._job
        self._learner = await self._begun_or_gone_on()
        job.id = await job.os.learning.begin(
            job.kind, job.name, job.recipe, total=recipe.rounds, step=self._round
        )
        self._begun = time.monotonic()
        await self._seat()
        if self._round == 0:
            await self._look()
        while self._round < recipe.rounds and self._progress() < 1:
            await self._once()
        if self._check is None or self._round % recipe.check_every:
            await self._look()
        if not self._given:
            job.remark(
                f"nothing is given in: no round was better than {recipe.model} on the tasks of "
                f"{recipe.check}"
            )

    async def _once(self) -> None:
        """One round."""
        recipe, job = self._recipe, self._job
        begun = time.monotonic()
        cases = self._drawn()
        trials = await self._trials.run(self._orders(cases))
        self._answered(trials)
        acted = time.monotonic()
        rewards = [one.reward for one in trials]
        mean = sum(rewards) / len(rewards)
        if recipe.shuffle_rewards:
            self._random("shuffle").shuffle(rewards)
        learnt, telling = await asyncio.to_thread(self._lessons, trials, rewards)
        metrics = {"reward": mean, "telling": telling, "acting_seconds": acted - begun}
        self._barren = 0 if learnt else self._barren + 1
        if learnt:
            seed = self._random("order").getrandbits(32)
            metrics |= await asyncio.to_thread(self._learner.learn, learnt, self._share(), seed)
        elif self._barren >= recipe.patience:
            raise InvalidArgument(
                f"in {self._barren} rounds in a row the agents of each task did equally well "
                f"(mean reward {mean:.2f}): there is nothing to learn from"
            )
        metrics["learning_seconds"] = time.monotonic() - acted
        self._round += 1
        await self._seat()
        if job.stopping or self._round % recipe.checkpoint_every == 0:
            await asyncio.to_thread(self._save)
        job.report(self._round, metrics)
        if self._round % recipe.check_every == 0:
            await self._look()

    # The tasks of a round follow from its number, so that a course that goes on is the same one.

    def _random(self, *about: Any) -> random.Random:
        return random.Random(":".join(map(str, (self._recipe.seed, self._round, *about))))

    def _drawn(self) -> list[Case]:
        cases, count = self._suite.cases, self._recipe.groups
        chosen = []
        for place in range(self._round * count, (self._round + 1) * count):
            turn, at = divmod(place, len(cases))
            rng = random.Random(f"{self._recipe.seed}:{turn}")
            chosen.append(cases[rng.sample(range(len(cases)), len(cases))[at]])
        return chosen

    def _orders(self, cases: Sequence[Case]) -> list[Order]:
        assert self._bench.target is not None
        return [
            Order(
                case=case,
                drawing={
                    "model": self._bench.target,
                    "temperature": self._recipe.temperature,
                    "seed": self._random(place, sample).getrandbits(31),
                    "logprobs": True,
                },
            )
            for place, case in enumerate(cases)
            for sample in range(self._recipe.samples)
        ]

    def _lessons(
        self, trials: Sequence[Trial], rewards: Sequence[float]
    ) -> tuple[list[Lesson], float]:
        """Return what there is to learn, and the share of tasks that tell something."""
        size = self._recipe.samples
        groups = [
            # What the device has failed at says nothing about the model.
            [0.0] * size
            if any(one.failure for one in trials[at : at + size])
            else rewards[at : at + size]
            for at in range(0, len(rewards), size)
        ]
        worth, less = advantages(groups), self._recipe.negative
        learnt: list[Lesson] = []
        for trial, advantage in zip(trials, [one for group in worth for one in group], strict=True):
            if advantage > 0 or less * advantage:
                for lesson in lessons(trial.episode, self._learner.tokenizer):
                    lesson.advantage = advantage if advantage > 0 else less * advantage
                    learnt.append(lesson)
        return learnt, sum(any(group) for group in worth) / len(worth)

    # How far it is.

    def _elapsed(self) -> float:
        return self._spent + time.monotonic() - self._begun

    def _progress(self) -> float:
        limit = self._recipe.seconds
        timed = 0.0 if limit is None else self._elapsed() / limit
        return max(self._round / self._recipe.rounds, timed)

    def _share(self) -> float:
        rising = min(1.0, (self._round + 1) / max(1, self._recipe.warmup))
        return rising * max(0.0, 1.0 - self._progress())

    async def _begun_or_gone_on(self) -> Learner:
        from .learner import Learner

        latest = await asyncio.to_thread(self._checkpoints.latest)
        if latest is None:
            parent = self._job.folder / "parent"
            await asyncio.to_thread(shutil.rmtree, parent, True)
            await self._job.os.learning.fetch(self._recipe.model, "parent")
            return await asyncio.to_thread(Learner.load, parent, self._recipe)
        self._round, self._spent = latest.step, float(latest.notes["spent"])
        self._best, self._given = float(latest.notes["best"]), bool(latest.notes["given"])
        return await asyncio.to_thread(self._restored, latest)

    def _restored(self, latest: Checkpoint) -> Learner:
        import torch

        from .learner import Learner

        learner = Learner.load(latest.folder, self._recipe)
        learner.restore(torch.load(latest.folder / _STATE, weights_only=True))
        return learner

    def _save(self) -> None:
        import torch

        def write(folder: Path) -> None:
            self._learner.export(folder)
            torch.save(self._learner.state(), folder / _STATE)

        notes = {"spent": self._elapsed(), "best": self._best, "given": self._given}
        self._checkpoints.save(self._round, write, notes)

    # The device.

    async def _seat(self) -> None:
        """Let the model as it is now act from now on."""
        name = f"round-{self._round}"
        await asyncio.to_thread(self._learner.export, self._policies / name)
        await self._bench.seat(name)
        for old in self._policies.iterdir():
            if old.name != name:
                await asyncio.to_thread(shutil.rmtree, old, True)

    def _answered(self, trials: Sequence[Trial]) -> None:
        failed = [one.failure for one in trials if one.failure is not None]
        if len(failed) == len(trials):
            raise DeviceError(f"no agent's model call was answered: {failed[0]}")

    async def _look(self) -> None:
        """Try the model as it is on the tasks of `check`, and give it in if it is the best."""
        recipe, job = self._recipe, self._job
        solved = 0.0
        if self._check is not None:
            drawing = {"model": self._bench.target, "temperature": 0.0}
            trials = await self._trials.run(
                [Order(case=case, drawing=drawing) for case in self._check.cases]
            )
            solved = sum(one.reward for one in trials) / len(trials)
            job.report(self._round, {"check": solved})
            if solved <= self._best:
                return
        self._best = solved
        if self._round == 0:
            return
        where = self._policies / f"round-{self._round}"
        await job.os.learning.publish(
            recipe.publish,
            where.relative_to(job.folder).as_posix(),
            job=job.id,
            parent=recipe.model,
            recipe=job.recipe,
            data={"suite": self._suite.name, "digest": self._suite.digest, "rounds": self._round},
            scores={} if self._check is None else {"check": solved},
        )
        self._given = True
