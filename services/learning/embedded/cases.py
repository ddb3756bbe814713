"""The generated tasks as a suite's file, which agents of a house work on.

    python -m llmagentos.services.learning.embedded.cases --count 400 --seed 1 --out tasks.jsonl

What asks for the time is left out: the day's would be another one than the task's. So is what
documents say, since those are shared by all agents of a person.

Interface:
    cases           tasks of a seed, as the lines of a suite
    main            the command
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from .sampler import Sampler
from .tasks import Task, demonstrate
from .vocabulary import Vocabulary
from .written import read

__all__ = ["cases", "main"]


def cases(
    count: int,
    seed: int,
    *,
    kinds: Sequence[str] = (),
    phrases: str | None = None,
    heldout: bool = False,
) -> list[dict[str, Any]]:
    """Return tasks. With `heldout`, their names, ids and numbers are such as training never
    draws; without `kinds`, all occur as often as in training, and some lack a tool.

    `phrases` names a list of ways to ask, `heldout` or `people`: each comes as often as another.
    """
    rng = random.Random(f"cases:{seed}:{heldout}")
    vocabulary = Vocabulary(rng, heldout=heldout)
    drawn = (
        _drawn(rng, vocabulary, kinds)
        if phrases is None
        else _asked(rng, vocabulary, kinds, phrases)
    )
    made: list[dict[str, Any]] = []
    for number, task in enumerate(islice(filter(_timeless, drawn), count)):
        shown = demonstrate(task)
        expected = {
            "answer": shown.answer,
            "memory": dict(shown.state.memory),
            "files": dict(shown.state.files),
        }
        made.append(
            {
                "id": f"{seed}-{number}",
                "task": task.prompt,
                "kind": task.kind,
                "memory": dict(task.memory),
                "files": dict(task.files),
                "tools": list(task.tools),
                "expect": expected,
            }
        )
    return made


def _drawn(rng: random.Random, vocabulary: Vocabulary, kinds: Sequence[str]) -> Iterator[Task]:
    while True:
        yield Sampler(rng, vocabulary).task(kinds=kinds, refuse=0.0 if kinds else None)


def _asked(
    rng: random.Random, vocabulary: Vocabulary, kinds: Sequence[str], phrases: str
) -> Iterator[Task]:
    known = [one for one in read(phrases) if not kinds or one.kind in kinds]
    while True:
        for phrase in rng.sample(known, len(known)):
            sampler = Sampler(rng, vocabulary)
            clause, text = sampler.clause(phrase.kind, phrase=(phrase.expression, phrase.template))
            yield sampler.assemble([clause], [text], refuse=0.0)


def _timeless(task: Task) -> bool:
    return all(step.tool != "clock" for clause in task.clauses for step in clause.steps)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Write generated tasks as a suite.")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=[], help="all, unless some are named")
    parser.add_argument("--phrases", choices=["heldout", "people"], help="ways to ask")
    parser.add_argument("--heldout", action="store_true", help="with names that training never has")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    made = cases(
        given.count, given.seed, kinds=given.kinds, phrases=given.phrases, heldout=given.heldout
    )
    given.out.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made))


if __name__ == "__main__":
    main()
