"""A task, and the expert that solves it.

A task is one request of one or more clauses.  Each clause is a straight line of tool
calls whose arguments are made of fixed text and of earlier results, and a sentence
that reports it.  The expert stops a clause where a result says that it cannot go on.

Interface:
    Step, Clause, Task      what is asked
    expert                  generator: yields calls, takes results, returns the answer
    demonstrate             the expert's calls and answer in a LocalWorld
    pairs                   which tool follows which in a task
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from .world import KNOWLEDGE, LocalWorld, State

__all__ = ["REFUSAL", "Call", "Clause", "Demonstration", "Step", "Task", "demonstrate", "expert",
           "pairs"]  # fmt: skip

REFUSAL = "I have no tool for that."

#: fixed texts, and numbers of the steps whose results stand between them
Parts: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tool call with its final arguments."""

    tool: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tool call of a clause."""

    tool: str
    #: name and parts of each argument
    arguments: tuple[tuple[str, Parts], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One wish."""

    kind: str
    steps: tuple[Step, ...]
    #: the sentence that reports success
    answer: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request, with the world that it starts in."""

    #: kinds of the clauses joined by `,`, or `refuse`
    kind: str
    prompt: str
    clauses: tuple[Clause, ...]
    #: names of the offered tools in order
    tools: tuple[str, ...]
    memory: Mapping[str, str]
    files: Mapping[str, str]
    now: str
    #: value by thing and attribute, and what documents say, each with its place
    facts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    passages: tuple[str, ...] = ()

    def world(self, now: str | None = None) -> LocalWorld:
        """The world that it starts in, afresh."""
        return LocalWorld(
            memory=self.memory, files=self.files, facts=self.facts, passages=self.passages,
            now=now or self.now,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """How the expert solves a task."""

    #: calls with their results
    steps: tuple[tuple[Call, str], ...]
    answer: str
    state: State


def _fill(parts: Parts, results: list[str]) -> str:
    return "".join(results[part] if isinstance(part, int) else part for part in parts)


def _stopped(call: Call, result: str) -> str | None:
    """The sentence that ends a clause early."""
    if result == "not found" and call.tool in ("memory_get", "memory_delete"):
        return f"There is nothing stored under {call.arguments['key']}."
    if result == "not found" and call.tool == "file_read":
        return f"There is no file {call.arguments['path']}."
    if result == "nothing found" and call.tool in KNOWLEDGE:
        return "I found nothing about that."
    if result.startswith("error: "):
        return f"That failed: {result.removeprefix('error: ')}."
    return None


def _meant(call: Call, result: str) -> str:
    """What later steps take of a result: the value of an answer, the best of several passages."""
    if call.tool not in KNOWLEDGE:
        return result
    return result.partition("\n")[0].removeprefix("x = ")


_EMPTY = {"memory_list": "The memory is empty.", "file_list": "There are no files."}


def _clause(clause: Clause) -> Generator[Call, str, str]:
    results: list[str] = []
    for step in clause.steps:
        arguments = {name: _fill(parts, results) for name, parts in step.arguments}
        call = Call(tool=step.tool, arguments=arguments)
        result = yield call
        if sentence := _stopped(call, result):
            return sentence
        if result == "empty" and len(clause.steps) == 1 and call.tool in _EMPTY:
            return _EMPTY[call.tool]
        results.append(_meant(call, result))
    return _fill(clause.answer, results)


def expert(task: Task) -> Generator[Call, str, str]:
    """Solves a task: yields each call, is sent its result, returns the answer."""
    needed = {step.tool for clause in task.clauses for step in clause.steps}
    if task.kind == "refuse" or not needed <= set(task.tools):
        return REFUSAL
    sentences = []
    for clause in task.clauses:
        sentence = yield from _clause(clause)
        sentences.append(sentence)
    return " ".join(sentences)


def demonstrate(task: Task, world: LocalWorld | None = None) -> Demonstration:
    """Runs the expert, in the given world or in a fresh one."""
    world = world or task.world()
    steps: list[tuple[Call, str]] = []
    run = expert(task)
    try:
        call = next(run)
        while True:
            result = world.invoke(call.tool, call.arguments)
            steps.append((call, result))
            call = run.send(result)
    except StopIteration as stop:
        return Demonstration(steps=tuple(steps), answer=stop.value, state=world.snapshot())


def pairs(task: Task) -> set[tuple[str, str]]:
    """Every tool with the one that comes right after it."""
    tools = [step.tool for clause in task.clauses for step in clause.steps]
    return set(pairwise(tools))
