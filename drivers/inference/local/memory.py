"""What a model's layers keep between steps: keys and values in pages, inputs of convolutions.

Interface:
    Memory          one model's
"""

from __future__ import annotations

import math

import numpy
import torch
from torch import Tensor


class Memory:
    """Pages of keys and values by layer, made as each layer first writes to them, and by layer of
    a short convolution the last inputs of each context: [contexts, taps - 1, channels]."""

    def __init__(self, *, pages: int, page_size: int) -> None:
        self.page_size = page_size
        self._pages = pages
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._scratch: dict[int, Tensor] = {}
        self.inputs: dict[int, Tensor] = {}

    def pages(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values: [pages · size, kv heads, head dim], so that a page is
        one run of memory. `key` and `value` [1, kv heads, T, head dim] are some of them."""
        kept = self._kept.get(layer)
        if kept is None:
            kept = self._kept[layer] = (self._room(key), self._room(value))
        return kept

    @property
    def bytes_per_token(self) -> int:
        """How much a token takes in all layers that have written so far."""
        return sum(
            one[0].numel() * one.element_size() for pair in self._kept.values() for one in pair
        )

    def resize(self, pages: int) -> None:
        """Forget all pages and have so many from now on."""
        self._pages = pages
        self._kept.clear()
        self._scratch.clear()

    @torch.inference_mode()  # in which the pages were made, and outside of which none may change
    def wipe(self, pages: list[int]) -> None:
        """Zero pages: what is masked counts as zero times its value, which NaN survives."""
        for pair in self._kept.values():
            for one in pair:
                one.view(-1, self.page_size, *one.shape[1:])[pages] = 0

    def forget(self, slot: int) -> None:
        """Clear a context's place in the convolutions' memory for the next one."""
        for inputs in self.inputs.values():
            inputs[slot] = 0

    def scratch(self, place: int, rows: int, like: Tensor) -> Tensor:
        """Return memory for so many rows, the same as before where that was enough."""
        held = self._scratch.get(place)
        if held is None or held.shape[1] != like.shape[1] or len(held) < rows:
            held = self._scratch[place] = torch.empty(
                rows * 5 // 4, like.shape[1], dtype=like.dtype
            )
        return held[:rows]

    def _room(self, like: Tensor) -> Tensor:
        shape = (self._pages * self.page_size, like.shape[1], like.shape[3])
        # The machine's own zeroes: unlike torch's they take no memory before they are written to.
        zeros = numpy.zeros(math.prod(shape) * like.element_size(), numpy.uint8)
        return torch.from_numpy(zeros).view(like.dtype).view(shape)
