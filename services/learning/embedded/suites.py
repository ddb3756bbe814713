"""The suites that a model is judged by. None of their tasks can occur in training.

entities        training's phrasing, with names, ids and numbers that training never draws
phrasing        ways to ask that no training phrasing can produce
people          the same, by somebody who had seen no other list
compositions    two tools after one another that never are in training
long_strings    numbers of 6-7 digits, names of 9-14 characters
facts           what documents say of things that training never draws, and sums over it
passages        a search in documents, whose best passage is to be said word for word

Interface:
    SUITES          name to a function of (count, seed) that gives the tasks
    GOALS           name to the share of successes that a committed model reaches
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from .mix import DOCUMENTS, HELDOUT_PAIRS
from .sampler import HELDOUT_KINDS, Sampler
from .tasks import Task, pairs
from .vocabulary import Vocabulary
from .written import read

__all__ = ["GOALS", "SUITES"]

GOALS: Mapping[str, float] = {
    "entities": 0.95,
    "phrasing": 0.90,
    "people": 0.0,  # shown, not promised
    "compositions": 0.85,
    "long_strings": 0.85,
    "facts": 0.90,
    "passages": 0.0,  # shown, not promised
}

_LONG_KINDS = (
    "compute", "compute_store", "store", "recall", "forget", "write", "read", "recall_compute",
    "recall_two", "read_store", "recall_write", "compute_write",
)  # fmt: skip
#: Kinds whose sequence gives a held-out pair of tools.
_SEQUENCES = (
    ("time", "write"), ("keys", "write"), ("files", "store"), ("forget", "write"),
    ("compute", "forget"), ("read", "forget"), ("store", "time"), ("write", "recall"),
    ("files", "recall"),
)  # fmt: skip


class _Long(Vocabulary):
    """Held-out entities that are all long."""

    def key(self) -> str:
        return self.identifier(9, 14)

    def path(self) -> str:
        return f"{self.identifier(9, 14)}.txt"

    def number(self, low: int = 1, high: int = 9) -> str:
        return self._own(lambda: str(self.rng.randint(10**5, 10**7 - 1)))

    def value(self) -> str:
        return self.number() if self.rng.random() < 0.5 else self.identifier(9, 14)


def _entities(rng: random.Random) -> Iterator[Task]:
    while True:
        yield Sampler(rng, Vocabulary(rng, heldout=True)).task()


def _written(name: str, rng: random.Random) -> Iterator[Task]:
    phrases = read(name)
    while True:
        for phrase in phrases:
            sampler = Sampler(rng, Vocabulary(rng, heldout=True))
            made = sampler.clause(phrase.kind, phrase=(phrase.expression, phrase.template))
            yield sampler.assemble([made[0]], [made[1]], refuse=0.0)


def _compositions(rng: random.Random) -> Iterator[Task]:
    while True:
        for kind in HELDOUT_KINDS:
            sampler = Sampler(rng, Vocabulary(rng, heldout=True))
            clause, text = sampler.clause(kind)
            yield sampler.assemble([clause], [text], refuse=0.0)
        for first, second in rng.sample(_SEQUENCES, len(HELDOUT_KINDS)):
            task = Sampler(rng, Vocabulary(rng, heldout=True)).sequence(first, second)
            if pairs(task) & HELDOUT_PAIRS:
                yield task


def _long_strings(rng: random.Random) -> Iterator[Task]:
    while True:
        yield Sampler(rng, _Long(rng, heldout=True)).task(kinds=_LONG_KINDS, refuse=0.0)


def _documents(kinds: Sequence[str], rng: random.Random) -> Iterator[Task]:
    while True:
        yield Sampler(rng, Vocabulary(rng, heldout=True)).task(kinds=kinds, refuse=0.0)


def _suite(
    name: str, maker: Callable[[random.Random], Iterator[Task]]
) -> Callable[[int, int], list[Task]]:
    def tasks(count: int, seed: int) -> list[Task]:
        return list(islice(maker(random.Random(f"{name}:{seed}")), count))

    return tasks


SUITES: Mapping[str, Callable[[int, int], list[Task]]] = {
    name: _suite(name, maker)
    for name, maker in (
        ("entities", _entities),
        ("phrasing", partial(_written, "heldout")),
        ("people", partial(_written, "people")),
        ("compositions", _compositions),
        ("long_strings", _long_strings),
        ("facts", partial(_documents, [kind for kind in DOCUMENTS if kind != "search"])),
        ("passages", partial(_documents, ["search"])),
    )
}
