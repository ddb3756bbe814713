"""One task, from its first thought to its end: think, choose, do, look, and think anew.

A round ends early by a failure, when a tool could not do what it was asked, or by a surprise, when
a tool says something else than what the rest of the chosen line was built on. Both are for the
model to read when it thinks anew, and a call that failed is not made again where there is anything
else to do.

Interface:
    Order           what was asked for
    Execution       `run`; `plan` is how it stands
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ...syscalls.plan import Candidate, Decision, PlanInfo, Step
from .contract import Aim, Choice, Strategy
from .hands import Hands
from .line import Ask, Line, Outcome, Reply
from .mind import Imagination
from .voice import Voice

#: Replies that a candidate may have: past it, too little of what is thought comes true.
DEPTH = 6
#: Confidence of a score; None where outcomes do not tell yet.
Calibrated = Callable[[float | None], float | None]
Cause = Literal["start", "failure", "surprise", "next"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for; the fields are those of `plan.solve`."""

    candidates: int
    steps: int
    rounds: int


class GaveUp(Exception):
    """The task was not done within what it may take."""


class Execution:
    """One plan at work. It alone writes `plan`."""

    def __init__(
        self,
        plan: PlanInfo,
        order: Order,
        *,
        strategy: Strategy,
        mind: Imagination,
        hands: Hands,
        voice: Voice,
        calibrated: Calibrated,
        noted: Callable[[PlanInfo], None],
        said: Callable[[str, str], None],
    ) -> None:
        """`noted` is told of each change of the plan, `said` of what a tool with an effect says."""
        self.plan = plan
        self._order = order
        self._strategy = strategy
        self._mind = mind
        self._hands = hands
        self._voice = voice
        self._calibrated = calibrated
        self._noted = noted
        self._said = said
        self._taken = 0
        #: log P and tokens of all that was done.
        self._logprob, self._tokens = 0.0, 0

    async def run(self) -> None:
        """Do the task. Raises `GaveUp`, and what a call of the model or a tool raises."""
        cause: Cause = "start"
        for number in range(self._order.rounds):
            # What a line that came true goes on with needs no second thoughts.
            self._mind.wide = cause != "next"
            choice = await self._think(number)
            self._decided(cause, choice)
            line = choice.candidates[choice.chosen]
            await self._voice.settle()
            following = await self._follow(line)
            if following is None:
                return
            cause = following
        raise GaveUp(f"no answer within {self._order.rounds} rounds")

    async def _think(self, number: int) -> Choice:
        self._hands.forget()
        left = self._order.steps - self._taken
        aim = Aim(candidates=self._order.candidates, depth=min(DEPTH, left + 1), seed=number)
        choice = await self._strategy.plan(self._mind, aim)
        if not choice.candidates or not 0 <= choice.chosen < len(choice.candidates):
            raise GaveUp(f"the strategy {self.plan.strategy} has found nothing to do")
        if not choice.candidates[choice.chosen].replies:
            raise GaveUp(f"the strategy {self.plan.strategy} has chosen to do nothing")
        return choice

    async def _follow(self, line: Line) -> Cause | None:
        """Do a line as far as it comes true; returns why it did not, None for an answer."""
        for reply in line.replies:
            self._logprob += reply.logprob or 0.0
            self._tokens += reply.tokens
            if not reply.asks:
                self._answered(reply.content)
                return None
            outcomes, cause = await self._do(reply)
            await self._voice.observe(reply.messages(outcomes))
            if cause is not None:
                return cause
        return "next"

    async def _do(self, reply: Reply) -> tuple[list[Outcome], Cause | None]:
        """Do the calls of a reply; it was written without their results, so that a surprise
        counts only behind it."""
        outcomes: list[Outcome] = []
        cause: Cause | None = None
        for ask in reply.asks:
            if self._taken >= self._order.steps:
                raise GaveUp(f"no answer within {self._order.steps} steps")
            outcome = await self._hands.take(ask)
            outcomes.append(outcome)
            self._stepped(ask, outcome)
            if ask.expected is not None and outcome.text != ask.expected.text:
                cause = "surprise"
            if outcome.failed:
                self._mind.barred.add(ask.key)
                return outcomes, "failure"
        return outcomes, cause

    def _stepped(self, ask: Ask, outcome: Outcome) -> None:
        self._taken += 1
        if self._hands.effect(ask.tool) and not outcome.failed:
            self._said(ask.tool, outcome.text)
        step = replace(_step(ask), result=outcome.text, failed=outcome.failed)
        *before, last = self.plan.decisions
        sources = [] if outcome.failed else list(outcome.sources)
        self._change(
            decisions=[*before, replace(last, taken=[*last.taken, step])],
            sources=list(dict.fromkeys([*self.plan.sources, *sources])),
        )

    def _decided(self, cause: Cause, choice: Choice) -> None:
        candidates = [self._candidate(line) for line in choice.candidates]
        decision = Decision(cause=cause, candidates=candidates, chosen=choice.chosen)
        self._change(
            decisions=[*self.plan.decisions, decision],
            model=self._mind.model,
            scored=all(one.score is not None for one in candidates),
        )

    def _answered(self, text: str) -> None:
        score = self._logprob / max(self._tokens, 1) if self.plan.scored else None
        self._change(
            state="succeeded",
            ended=time.time(),
            answer=text,
            score=score,
            confidence=self._calibrated(score),
        )

    def _candidate(self, line: Line) -> Candidate:
        return Candidate(
            steps=[_step(ask) for ask in line.asks],
            answer=line.answer,
            logprob=line.logprob,
            tokens=line.tokens,
            score=line.score,
            confidence=self._calibrated(line.score),
            count=line.count,
        )

    def _change(self, **fields: object) -> None:
        self.plan = replace(self.plan, **fields)  # type: ignore[arg-type]  # checked by their tests
        self._noted(self.plan)


def _step(ask: Ask) -> Step:
    expected = ask.expected.text if ask.expected is not None else None
    failed = ask.expected is not None and ask.expected.failed
    return Step(tool=ask.tool, arguments=ask.arguments, expected=expected, failed=failed)
