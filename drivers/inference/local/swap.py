"""Where pages lie that had to leave the device: places in host memory.

Interface:
    SwapStore       `save` frames to places, `load` them back
"""

from __future__ import annotations

import numpy
import torch
from torch import Tensor

from .memory import Memory


class SwapStore:
    """Host memory for so many pages; it is taken from the machine as they come."""

    def __init__(self, memory: Memory, places: int) -> None:
        self._memory = memory
        self._places = places
        self._kept: list[Tensor] = []  # as the device's frames: [places, all of a page]

    @torch.inference_mode()  # in which the frames were made
    def save(self, frames: list[int], places: list[int]) -> None:
        """Copy frames to places."""
        runs = _runs(frames, places)
        for device, host in self._pairs():
            _copy(device, host, runs)

    @torch.inference_mode()
    def load(self, places: list[int], frames: list[int]) -> None:
        """Copy places to frames."""
        runs = _runs(places, frames)
        for device, host in self._pairs():
            _copy(host, device, runs)

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's frames with its places; layers may have come since the last time."""
        frames = self._memory.frames
        for like in frames[len(self._kept) :]:
            wanted = self._places * like.shape[1] * like.element_size()
            # As in the device: memory that is not written to is not taken.
            zeros = torch.from_numpy(numpy.zeros(wanted, numpy.uint8))
            self._kept.append(zeros.view(like.dtype).view(self._places, -1))
        return list(zip(frames, self._kept, strict=True))


def _runs(source: list[int], target: list[int]) -> list[tuple[int, int, int]]:
    """Return what is to be copied as runs: from where, to where, how many."""
    runs: list[tuple[int, int, int]] = []
    for one, other in zip(source, target, strict=True):
        if runs and (one - runs[-1][2], other - runs[-1][2]) == runs[-1][:2]:
            runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
        else:
            runs.append((one, other, 1))
    return runs


def _copy(source: Tensor, target: Tensor, runs: list[tuple[int, int, int]]) -> None:
    """Copy rows to rows."""
    for start, to, count in runs:
        target[to : to + count].copy_(source[start : start + count])
