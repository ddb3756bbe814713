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
        made = torch.zeros(len(self._used), most, dtype=torch.int32)
        for row, own in zip(made, self._used, strict=True):
            row[: len(own)] = torch.tensor(own, dtype=torch.int32)
        return made.to(self._device, non_blocking=True)

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
        if "pages" in vars(self):
            # What stands behind a context's own pages is never read.
            self.pages[:, : other.pages.shape[1]].copy_(other.pages)
        if "lengths" in vars(self):
            self.lengths.copy_(other.lengths)
        for name in ("ends", "flat", "bounds", "last"):
            vars(self).pop(name, None)
        self._spans, self._used = other._spans, other._used

    def _made(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int32).to(self._device, non_blocking=True)
