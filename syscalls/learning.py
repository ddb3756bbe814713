"""Learning: jobs that train models, the models they make, what agents did, and which model answers.

A job is a process like any other, run from a file that says `runtime = "learn"`. It reports here
while it works and gives its model in here at its end. Episodes are read from the journal.

Interface:
    Learning        the syscalls
    JobInfo         a training job and how far it is
    Point           one value of a curve
    ModelCard       a model that was learnt or taken in: data, recipe, scores, parent
    Verdict         how a model did beside another one on the same tasks
    Promotion       which model answers, and whose place it took
    Episode, Deed   what a process did, as states, actions and rewards
    Reward          what somebody says an episode was worth
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen

from .interface import Interface, syscall

JobKind = Literal["pretrain", "finetune", "rl", "evaluate"]
JobState = Literal["running", "succeeded", "failed", "stopped", "lost"]
Name = Annotated[str, MaxLen(64)]
Limit = Annotated[int, Ge(1), Le(1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo:
    """A training job and how far it is."""

    id: int
    #: The process that runs it, or ran it last.
    pid: int
    name: str
    kind: JobKind
    #: `lost`: its process has ended without a word, and the same command goes on from its
    #: checkpoint.
    state: JobState
    #: What was asked for, as the job's file says it.
    recipe: dict[str, Any]
    #: Steps that are done, and those there are to do; None where nobody knows.
    step: int
    total: int | None
    #: Seconds since 1970.
    started: float
    ended: float | None
    #: Why it has failed or was stopped; of one that has succeeded, what should be known of it.
    reason: str | None = None
    #: The step that its process has gone on from; 0 for one from the start.
    since: int = 0
    #: The latest value of each curve.
    metrics: dict[str, float] = field(default_factory=dict)
    #: Names of the models that it has given in.
    models: list[str] = field(default_factory=list)
    #: The folder of its checkpoints and its TensorBoard log.
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a curve."""

    step: int
    #: Seconds since 1970.
    time: float
    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a model did beside another one on the same held-out tasks."""

    #: The name of the suite, and the model it was compared with.
    suite: str
    baseline: str
    tasks: int
    #: Tasks that each solved, and those that only the one and only the other solved.
    solved: int
    baseline_solved: int
    won: int
    lost: int
    #: Of McNemar's exact test, one-sided: how likely so many more are won than lost by chance.
    p: float
    #: Whether the gate lets it pass, and why not.
    passed: bool
    reason: str | None = None
    #: Seconds since 1970.
    time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model in the store."""

    name: str
    #: What `model.use` takes.
    target: str
    #: `causal`, `masked`, `seq2seq`, `classifier`, `adapter` (LoRA weights on the parent), `policy`
    #: (a table or a small network that chooses among actions, with `policy.json`).
    kind: str
    #: The model that it was made from; None for one that began with random numbers.
    parent: str | None
    #: The job that made it; None for one that was taken in.
    job: int | None
    #: The recipe and the data that it was made by, in words and figures. Of the data a job's page
    #: draws `confusion` ({"labels": […], "matrix": [[…]]}, a row for what is true) and `samples`
    #: (a list of tables, such as {"text": …, "wanted": …, "said": …}).
    recipe: dict[str, Any]
    data: dict[str, Any]
    #: Metrics on held-out data, by name.
    scores: dict[str, float]
    parameters: int
    #: BLAKE2b of its weights, in hex: what it answers as, a policy's version.
    version: str
    created: float
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A change of the model that answers."""

    id: int
    time: float
    #: What answers from then on, and what did before: targets of `model.use`.
    target: str
    previous: str
    #: The share of processes that it serves: 1 for all, less for a canary.
    share: float
    #: `canary`, `active`, `superseded`, `rolled back`.
    state: str
    #: The verdict that let it pass; None where a person has overruled the gate.
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What somebody says an episode was worth."""

    pid: int
    value: float
    #: Who says so: `outcome`, `budget`, `verifier NAME`, or a person's name.
    by: str
    note: str | None
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One action of an episode."""

    #: Its place in the process's history.
    seq: int
    time: float
    #: The syscall, and what it was about, such as a tool's name.
    syscall: str
    subject: str | None
    #: What the agent knew: for a model's call its messages and tools.
    state: dict[str, Any]
    #: What it did: a model's reply (text and tool calls), a tool's arguments.
    action: dict[str, Any]
    #: What came of it, and `ok` or the error's code.
    result: Any
    outcome: str
    #: The model that chose the action, and the log-probability of its tokens, in nats; None where
    #: it was not asked for.
    policy: str | None = None
    logprob: float | None = None
    #: Whether state and action were kept whole; one that is not cannot be learnt from.
    whole: bool = True
    #: Pid of whoever did it on the process's behalf, such as a planner; None for its own deed.
    by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What a process did from its start to its end."""

    pid: int
    name: str
    program: str
    task: str | None
    principal: str
    started: float
    #: None while it runs.
    ended: float | None
    exit_code: int | None
    usage: dict[str, float]
    deeds: list[Deed]
    rewards: list[Reward]
    #: The latest of each who rewarded it, summed; None where nobody did.
    reward: float | None = None
    #: Whether all of its deeds are here; an answer holds only the beginning of a very long one.
    whole: bool = True


class Learning(Interface, name="learning"):
    """Jobs, models, episodes and promotions of the caller's principal."""

    # Jobs, as they report themselves.

    @syscall(effect=True)
    async def begin(
        self,
        kind: JobKind,
        name: Name,
        recipe: dict[str, Any],
        total: Annotated[int, Ge(0)] | None = None,
        step: Annotated[int, Ge(0)] = 0,
    ) -> int:
        """Say that the caller is a job, and return the job's id.

        A job of the same name and recipe that has not succeeded is gone on with: it keeps its id,
        and its curves up to `step`. Raises `AlreadyExists` while another process is at it.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def report(
        self,
        job: int,
        step: Annotated[int, Ge(0)],
        metrics: dict[str, float],
        total: Annotated[int, Ge(0)] | None = None,
    ) -> None:
        """Say how far the caller's job is. Raises `NotFound` for a job that is not the caller's."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def finish(
        self, job: int, state: Literal["succeeded", "failed", "stopped"], reason: str | None = None
    ) -> None:
        """Say how the caller's job has ended."""
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def publish(
        self,
        name: Name,
        folder: str,
        kind: str = "causal",
        job: int | None = None,
        parent: str | None = None,
        recipe: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        scores: dict[str, float] | None = None,
    ) -> ModelCard:
        """Take a model into the store: a copy of a folder of the caller's home, or nothing of it.

        A model of that name is superseded; one that answers calls, or is a parent, is kept and the
        new one named `NAME-2` and so on. Only what a model is read from is copied (JSON, text,
        safetensors). Raises `InvalidArgument` for a folder that holds no model that transformers or
        peft can read, or an adapter without its parent, `PermissionDenied` for one with a link in
        it, `TooBig`, and `InputOutputError` where the disk is full.
        """
        raise NotImplementedError

    @syscall(deadline=600.0)
    async def fetch(self, name: str, folder: str) -> ModelCard:
        """Copy a model of the store, or `embedded`, to a folder in the caller's home, in place of
        what stood there, with its parent in `parent/` inside where it is an adapter. Raises
        `NotFound`."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def judge(self, name: str, verdict: Verdict) -> None:
        """Note how a model did beside another one."""
        raise NotImplementedError

    # For whoever looks.

    @syscall(idempotent=True)
    async def jobs(self, limit: Limit = 100) -> list[JobInfo]:
        """Return the jobs, the newest first."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def job(self, id: int) -> JobInfo:
        """Return one job. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def curves(
        self, id: int, after: Annotated[int, Ge(-1)] = -1, names: list[str] | None = None
    ) -> list[Point]:
        """Return a job's curves after a step, by step. An answer that grows too long ends before
        the last step; an empty one is the end. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def page(self, id: int) -> str:
        """Return a job's report as a page of HTML that stands by itself. Raises `NotFound`."""
        raise NotImplementedError

    # Models.

    @syscall(idempotent=True)
    async def models(self) -> list[ModelCard]:
        """Return the models in the store, the newest first."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def card(self, name: str) -> ModelCard:
        """Return a model's card. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def advise(self, name: str, state: Any) -> dict[str, float]:
        """Ask a policy of the store what an action is worth in a state: a score for each, the best
        has the highest.

        A state is what the policy has learnt on: a number, a list of numbers, or of a task the
        record `{"task": text, "steps": [[tool, class], …]}`. Raises `NotFound`, and
        `InvalidArgument` for a model that is no policy and a state of another shape.
        """
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def adopt(self, name: Name, path: str, parent: str | None = None) -> ModelCard:
        """Take a model folder of this machine into the store, as a person asks. Of an adapter,
        `parent` is the model in the store that it changes. Raises as `publish` does."""
        raise NotImplementedError

    @syscall(effect=True)
    async def discard(self, name: str) -> None:
        """Delete a model. Raises `NotFound`, and `InvalidArgument` for one that answers calls or is
        the parent of an adapter."""
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def promote(
        self,
        name: str,
        share: Annotated[float, Ge(0.0), Le(1.0)] = 1.0,
        overrule: bool = False,
    ) -> Promotion:
        """Let a model answer: for a share of the processes, or in the place of the one that does.

        Calls that have begun come to their end on the model that they began with. Raises
        `PermissionDenied` without a passed verdict against what answers now, unless a person
        overrules the gate.
        """
        raise NotImplementedError

    @syscall(effect=True, deadline=600.0)
    async def rollback(self) -> Promotion:
        """Let what answered before the last promotion answer again. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def promotions(self, limit: Limit = 100) -> list[Promotion]:
        """Return the promotions, the newest first."""
        raise NotImplementedError

    # Episodes.

    @syscall(idempotent=True, deadline=120.0)
    async def trajectories(
        self,
        pids: list[int] | None = None,
        name: Name | None = None,
        after: Annotated[int, Ge(0)] = 0,
        limit: Limit = 100,
    ) -> list[Episode]:
        """Return what processes did, by pid: those of `pids`, or those called `name` (`*` stands
        for anything) whose pid is above `after`. An answer that grows too long ends before its
        limit; an empty one is the end."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def reward(
        self, pid: int, value: float, by: str | None = None, note: str | None = None
    ) -> None:
        """Say what an episode was worth, in place of what the same one has said before. Raises
        `NotFound`, and `PermissionDenied` for an agent's own episode."""
        raise NotImplementedError
