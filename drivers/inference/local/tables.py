"""Page tables of a step's contexts, as kernels read them.

Interface:
    Tables          those of some spans
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .plan import Span


class Tables:
    """Index tensors of 32 bits over S spans, each made when a kernel first asks for it."""

    def __init__(self, spans: Sequence[Span], size: int, device: torch.device, width: int) -> None:
        """`size` are the tokens of a page; a table has room for `width` pages at least."""
        self._spans = spans
        self._size = size
        self._device = device
        self._width = width
        self._used = [span.table.pages[: -(-span.length // size)] for span in spans]

    @cached_property
    def pages(self) -> Tensor:
        """[S, most]: each context's pages, filled up with the first page of all."""
        most = max(self._width, *map(len, self._used), 1)
        return self._made([[*own, *[0] * (most - len(own))] for own in self._used])

    @cached_property
    def lengths(self) -> Tensor:
        """[S]: each context's tokens after the step."""
        return self._made([span.length for span in self._spans])

    @cached_property
    def starts(self) -> Tensor:
        """[S + 1]: where each context's new tokens begin among those of all, and their number."""
        return self._made([0, *accumulate(span.count for span in self._spans)])

    @cached_property
    def ends(self) -> Tensor:
        """[S + 1]: the same for all tokens of each context."""
        return self._made([0, *accumulate(span.length for span in self._spans)])

    @cached_property
    def flat(self) -> Tensor:
        """All contexts' pages, one after the other."""
        return self._made([page for own in self._used for page in own])

    @cached_property
    def bounds(self) -> Tensor:
        """[S + 1]: where each context's pages begin among those, and their number."""
        return self._made([0, *accumulate(map(len, self._used))])

    @cached_property
    def last(self) -> Tensor:
        """[S]: the tokens in each context's last page."""
        return self._made([(span.length - 1) % self._size + 1 for span in self._spans])

    @property
    def most_new(self) -> int:
        """The most new tokens that a context has."""
        return max(span.count for span in self._spans)

    @property
    def longest(self) -> int:
        """The most tokens that a context has."""
        return max(span.length for span in self._spans)

    def take(self, other: Tables) -> None:
        """Become others' equal, of as many contexts with one new token each. What a recorded kernel
        reads stays where it is."""
        for name in ("pages", "lengths"):
            if name in vars(self):
                getattr(self, name).copy_(getattr(other, name))
        for name in ("ends", "flat", "bounds", "last"):
            vars(self).pop(name, None)
        self._spans, self._used = other._spans, other._used

    def _made(self, numbers: list[int] | list[list[int]]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int32).to(self._device, non_blocking=True)
