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
    """Index tensors of 32 bits over S spans, each made when a kernel first asks for it.

    `pages`, `lengths`, `starts` and `ends` lie on the device, where kernels read them; `begins`,
    `flat`, `bounds` and `last` on the host, where libraries lay out work by them.
    """

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
        most = self.most
        return self._sent(_numbers([[*own, *[0] * (most - len(own))] for own in self._used]))

    @cached_property
    def lengths(self) -> Tensor:
        """[S]: each context's tokens after the step."""
        return self._sent(_numbers([span.length for span in self._spans]))

    @cached_property
    def starts(self) -> Tensor:
        """[S + 1]: where each context's new tokens begin among those of all, and their number."""
        return self._sent(self.begins)

    @cached_property
    def begins(self) -> Tensor:
        """[S + 1]: the same, on the host."""
        return _numbers([0, *accumulate(span.count for span in self._spans)])

    @cached_property
    def ends(self) -> Tensor:
        """[S + 1]: the same for all tokens of each context."""
        return self._sent(_numbers([0, *accumulate(span.length for span in self._spans)]))

    @cached_property
    def flat(self) -> Tensor:
        """All contexts' pages, one after the other."""
        return _numbers([page for own in self._used for page in own])

    @cached_property
    def bounds(self) -> Tensor:
        """[S + 1]: where each context's pages begin among those, and their number."""
        return _numbers([0, *accumulate(map(len, self._used))])

    @cached_property
    def last(self) -> Tensor:
        """[S]: the tokens in each context's last page."""
        return _numbers([(span.length - 1) % self._size + 1 for span in self._spans])

    @property
    def most(self) -> int:
        """The pages that a table has room for."""
        return max(self._width, *map(len, self._used), 1)

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

    def _sent(self, numbers: Tensor) -> Tensor:
        return numbers.to(self._device, non_blocking=True)


def _numbers(numbers: list[int] | list[list[int]]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32)
