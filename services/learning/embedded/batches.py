"""The stream of training batches: generated on the fly, never twice the same.

Dialogue number n of a seed is always the same one, so a position in the stream is one number.
A pool of dialogues is sorted by length and cut into batches of about equal size, which wastes
little padding; the batches of a pool come in random order.

Interface:
    Batch           token ids, and the ids to be learnt
    Batches         the endless stream; `position` can be saved and set
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .dialogue import converse, encode
from .mix import Mix

__all__ = ["IGNORED", "Batch", "Batches"]

#: The label of a token that is not learnt.
IGNORED = -100
_POOL = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One step's data. Rows are padded on the right, where causal attention never looks."""

    #: [rows, length]
    inputs: Tensor
    #: [rows, length]: the next token where it is learnt, `IGNORED` elsewhere
    labels: Tensor


class Batches:
    """Batches of about `tokens` tokens each; what a pool is made of depends on where it begins."""

    def __init__(
        self, tokenizer: Any, *, seed: int, tokens: int, mix: Callable[[int], Mix]
    ) -> None:
        self._tokenizer = tokenizer
        self._mix = mix
        self._seed = seed
        self._tokens = tokens
        #: How many batches were taken.
        self.position = 0
        self._pool: list[Batch] = []
        self._pools = 0
        self._taken = 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._taken == len(self._pool):
            self._pool = self._draw(self._pools)
            self._pools += 1
            self._taken = 0
        self._taken += 1
        self.position += 1
        return self._pool[self._taken - 1]

    def seek(self, position: int) -> None:
        """Go on where a stream stood that had taken so many batches."""
        while self.position < position:
            next(self)

    def _draw(self, pool: int) -> list[Batch]:
        rows, mix = [], self._mix(self.position)
        for number in range(pool * _POOL, (pool + 1) * _POOL):
            rng = random.Random(f"{self._seed}:{number}")
            rows.append(encode(converse(rng, mix), self._tokenizer))
        rows.sort(key=lambda row: len(row[0]))
        batches, some = [], rows[:0]
        for row in rows:
            if some and len(row[0]) * (len(some) + 1) > self._tokens:
                batches.append(self._batch(some))
                some = []
            some.append(row)
        batches.append(self._batch(some))
        random.Random(f"{self._seed}:pool:{pool}").shuffle(batches)
        return batches

    def _batch(self, rows: list[tuple[list[int], list[bool]]]) -> Batch:
        length = max(len(ids) for ids, _ in rows)
        inputs = torch.full((len(rows), length), self._tokenizer.pad_token_id)
        labels = torch.full((len(rows), length), IGNORED)
        for place, (ids, learnt) in enumerate(rows):
            inputs[place, : len(ids)] = torch.tensor(ids)
            wanted = [new if yes else IGNORED for new, yes in zip(ids, learnt, strict=True)]
            labels[place, : len(ids) - 1] = torch.tensor(wanted[1:])
        return Batch(inputs=inputs, labels=labels)
