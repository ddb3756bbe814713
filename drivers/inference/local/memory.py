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

    def __init__(
        self, *, pages: int, page_size: int, device: str | torch.device = "cpu", spare: bool = False
    ) -> None:
        """It lies on a `device`. With a `spare` page, the one after the last, which is nobody's,
        there is room for what nobody reads."""
        self.page_size = page_size
        self.device = torch.device(device)
        self._pages = pages
        self._spare = spare
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._scratch: dict[int, Tensor] = {}
        self.inputs: dict[int, Tensor] = {}
        #: By layer, what `inputs` were at the end of each page that the last step has filled, the
        #: first context's pages first: [pages, taps - 1, channels].
        self.marks: dict[int, Tensor] = {}

    def pages(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values: [pages · size, kv heads, head dim], so that a page is
        one run of memory. `key` and `value` [1, kv heads, T, head dim] are some of them."""
        kept = self._kept.get(layer)
        if kept is None:
            kept = self._kept[layer] = (self._room(key), self._room(value))
        return kept

    @property
    def spare(self) -> int:
        """The page for what nobody reads."""
        return self._pages

    @property
    def frames(self) -> list[Tensor]:
        """The keys and the values of each layer that has written so far: [pages, all of a page]."""
        return [
            one.view(len(one) // self.page_size, -1) for pair in self._kept.values() for one in pair
        ]

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
        for one in self.frames:
            one[pages] = 0

    @torch.inference_mode()
    def copy(self, frames: list[int], to: list[int]) -> None:
        """Copy pages to others."""
        for one in self.frames:
            for source, target in zip(frames, to, strict=True):
                one[target].copy_(one[source])

    @torch.inference_mode()
    def save(self, slot: int) -> Tensor | None:
        """Return a copy of what convolutions keep for a context: [numbers]; None without any."""
        return _joined([one[slot : slot + 1] for one in self.inputs.values()])

    @torch.inference_mode()
    def load(self, slot: int, state: Tensor | None) -> None:
        """Let convolutions keep for a context what they kept when it was saved; None for one that
        has read nothing."""
        start = 0
        for one in self.inputs.values():
            part = one[slot]
            if state is None:
                part.zero_()
            else:
                part.copy_(state[start : start + part.numel()].view(part.shape))
            start += part.numel()

    @torch.inference_mode()
    def take_marks(self) -> list[Tensor]:
        """Return what `save` would have returned at the end of each page that the last step has
        filled; nothing without convolutions."""
        marks, self.marks = [self.marks[one] for one in self.inputs if one in self.marks], {}
        joined = _joined(marks) if marks and len(marks[0]) else None
        # Each a copy of its own: a part would keep all others in memory.
        return [] if joined is None else [one.clone() for one in joined.view(len(marks[0]), -1)]

    def forget(self, slot: int) -> None:
        """Clear a context's place in the convolutions' memory for the next one."""
        self.load(slot, None)

    def scratch(self, place: int, rows: int, like: Tensor) -> Tensor:
        """Return memory for so many rows, the same as before where that was enough."""
        held = self._scratch.get(place)
        if held is None or held.shape[1] != like.shape[1] or len(held) < rows:
            held = self._scratch[place] = torch.empty(
                rows * 5 // 4, like.shape[1], dtype=like.dtype, device=like.device
            )
        return held[:rows]

    def _room(self, like: Tensor) -> Tensor:
        rows = (self._pages + self._spare) * self.page_size
        shape = (rows, like.shape[1], like.shape[3])
        if like.device.type != "cpu":
            return torch.zeros(shape, dtype=like.dtype, device=like.device)
        # The machine's own zeroes: unlike torch's they take no memory before they are written to.
        zeros = numpy.zeros(math.prod(shape) * like.element_size(), numpy.uint8)
        return torch.from_numpy(zeros).view(like.dtype).view(shape)


def _joined(parts: list[Tensor]) -> Tensor | None:
    """Join the layers' parts [n, …] to [n · numbers], so that one context's follow each other."""
    if not parts:
        return None
    return torch.cat([one.flatten(1) for one in parts], 1).flatten()
