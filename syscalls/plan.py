"""Plans: candidate action sequences, how likely each is, and what came of the one that was chosen.

Interface:
    Plan            the syscalls
    Step            one action of a candidate
    Candidate       an action sequence with its score
    Decision        a round of planning: the candidates and the choice among them
    PlanInfo        a task's plan, with all its rounds
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from .interface import Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action."""

    #: A tool's name.
    tool: str
    arguments: dict[str, Any]
    #: What came of it; None where it was not taken.
    result: str | None = None
    failed: bool = False
    #: What a candidate that goes on behind it was built on: what a look-up found, or what the tool
    #: usually says; None where nothing was known.
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An action sequence with its score."""

    steps: list[Step]
    #: What the sequence ends with, where it ends in an answer.
    answer: str | None
    #: log P(Y|X), in nats, over the tokens that the model writes in it, and that divided by their
    #: number; None where the model does not tell.
    logprob: float | None
    tokens: int
    score: float | None
    #: How likely it succeeds, as recorded outcomes have it; None before there are enough.
    confidence: float | None = None
    #: How many of the sequences that were drawn were this one.
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A round of planning."""

    #: Why there was one: `start`; `failure` of a tool; `surprise`, a result that is not the one
    #: which the rest of the sequence was built on; `next`, since the sequence was at its end.
    cause: str
    candidates: list[Candidate]
    #: Which of them was chosen, from 0.
    chosen: int
    #: What the steps of the choice gave, in the candidate's own place.
    taken: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInfo:
    """A task's plan."""

    id: int
    #: The process whose task it is.
    pid: int
    task: str
    strategy: str
    #: `running`, `succeeded`, `failed`.
    state: str
    #: Seconds since 1970.
    started: float
    ended: float | None
    answer: str | None
    #: Why it failed.
    reason: str | None = None
    #: Where the answer comes from.
    sources: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    #: The model that planned, and whether it told how likely its sequences were.
    model: str | None = None
    scored: bool = True
    #: log P per token of all that was done, in nats, and how likely it was to succeed, as recorded
    #: outcomes had it at the time.
    score: float | None = None
    confidence: float | None = None
    #: Whether it did what was wanted, as somebody has said; None where nobody has.
    outcome: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Plans of about one confidence."""

    #: Their mean, and the share of them that did what was wanted.
    confidence: float
    success: float
    plans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How well confidence tells success."""

    #: Plans whose outcome is known, and those of them that had a confidence before it was.
    outcomes: int
    predicted: int
    #: Expected calibration error over ten bins of the latter; None before there are enough.
    ece: float | None
    #: Those that hold any plans.
    bins: list[Bin] = field(default_factory=list)


class Plan(Interface, name="plan"):
    """Plans for tasks, made with the caller's model, tools, memory and knowledge."""

    @syscall(effect=True, deadline=3600.0)
    async def solve(
        self,
        task: str,
        instructions: str | None = None,
        tools: list[str] | None = None,
        strategy: str = "best-of-k",
        candidates: Annotated[int, Ge(1), Le(32)] = 4,
        temperature: Annotated[float, Gt(0), Le(2)] = 0.8,
        steps: Annotated[int, Ge(1), Le(64)] = 16,
        rounds: Annotated[int, Ge(1), Le(32)] = 8,
        reply_tokens: Annotated[int, Ge(16), Le(4096)] = 512,
        background: bool = True,
    ) -> PlanInfo:
        """Do a task: think of candidates, score each by P(Y|X), take the best one's steps, look,
        and plan anew after a failure or a surprise.

        `tools` are patterns of tool names, all of them by default. `strategy` is `best-of-k`,
        `sampled`, `beam`, `mcts` or a plugin's; `steps` is the most that are taken, `rounds` the
        most that are planned. With `background` the model is told what the caller's memory and
        knowledge have on the task. A task that was not done, also since a budget is spent, is a
        plan that failed. Raises `NotFound` for no such strategy, `InvalidArgument` where no tool
        fits the patterns, and what a model call raises.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def ls(self, limit: Annotated[int, Ge(1), Le(1000)] = 100) -> list[PlanInfo]:
        """Return the caller's principal's plans, the newest first, without their rounds."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def show(self, id: int) -> PlanInfo:
        """Return a plan with every candidate and score. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def page(self, id: int) -> str:
        """Return a plan as a page of HTML that stands by itself. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def judge(self, id: int, success: bool) -> None:
        """Say whether a plan did what was wanted, which calibrates scores. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def calibration(self) -> Calibration:
        """Return how well confidence has told success."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def strategies(self) -> dict[str, str]:
        """Return the strategies there are, each with a line on what it does."""
        raise NotImplementedError
