"""Macro-actions: which tool, which model or which plan strategy an agent took, and at what point.

An episode is a row of decisions. The state is the whole course up to there, since the last tool
alone does not tell what comes next; what the episode was worth comes with the last decision.

Interface:
    Decision        a state, an action, a reward, and the state after it
    decisions       an episode's
    ANSWER          the action that ends a task
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....syscalls.episodes import REPLIES, result_class
from ....syscalls.learning import Deed, Episode
from .features import Course

ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision of an episode."""

    course: Course
    action: str
    reward: float
    #: The course after it; None where it was the last.
    after: Course | None


def decisions(episode: Episode, action: str) -> list[Decision]:
    """Return an episode's decisions of a kind: `tool`, `model` or `strategy`.

    Of tools, the last decision is to answer, where the process has ended well. None are returned of
    an episode that was not read to its end.
    """
    if not episode.whole:
        return []
    taken = list(_taken(episode, action))
    if not taken:
        return []
    after: list[Course | None] = [course for course, _ in taken[1:]]
    after.append(None)
    worth = [0.0] * (len(taken) - 1) + [episode.reward or 0.0]
    return [
        Decision(course=course, action=name, reward=reward, after=then)
        for (course, name), reward, then in zip(taken, worth, after, strict=True)
    ]


def _taken(episode: Episode, action: str) -> Iterator[tuple[Course, str]]:
    task = episode.task or ""
    steps: tuple[tuple[str, str], ...] = ()
    for deed in episode.deeds:
        if (name := _action(deed, action)) is not None:
            yield Course(task=_task(deed, action) or task, steps=steps), name
        if deed.syscall == "tool.call" and deed.subject is not None:
            steps += ((deed.subject, result_class(deed)),)
    if action == "tool" and episode.exit_code == 0:
        yield Course(task=task, steps=steps), ANSWER


def _action(deed: Deed, action: str) -> str | None:
    if action == "tool":
        return deed.subject if deed.syscall == "tool.call" else None
    if action == "model":
        return deed.policy if deed.syscall in REPLIES else None
    return str(deed.action.get("strategy", "best-of-k")) if deed.syscall == "plan.solve" else None


def _task(deed: Deed, action: str) -> str | None:
    """Return what a plan was asked for: one process may have several made."""
    said = deed.action.get("task") if action == "strategy" else None
    return said if isinstance(said, str) else None
