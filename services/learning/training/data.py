"""Examples without end, whose position can be saved.

Interface:
    Endless     the contract: an iterable with `state` and `restore`
    Shuffled    the examples of a list, each round in another order
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from ....syscalls.errors import InvalidArgument


class Endless(ABC):
    """Examples without end. What follows a `restore` is what would have followed the `state`."""

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Go on from where it stands; there is one iterator at a time."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the position: numbers, texts, tensors, lists and dicts of such."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Go to a position. Raises `InvalidArgument` for one of other data."""


class Shuffled(Endless):
    """The examples of a list, each round in another order that `seed` decides."""

    def __init__(self, examples: Sequence[Any], seed: int) -> None:
        if not len(examples):
            raise InvalidArgument("there are no examples to learn from")
        self._examples = examples
        self._seed = seed
        #: Examples that were given out.
        self._given = 0

    def __iter__(self) -> Iterator[Any]:
        import numpy

        while True:
            turn, start = divmod(self._given, len(self._examples))
            order = numpy.random.default_rng((self._seed, turn)).permutation(len(self._examples))
            for index in order[start:]:
                self._given += 1
                yield self._examples[int(index)]

    def state(self) -> dict[str, Any]:
        return {"given": self._given, "examples": len(self._examples)}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("examples") != len(self._examples):
            raise InvalidArgument(
                "the data have changed since the checkpoint: begin anew with --fresh"
            )
        self._given = state["given"]
