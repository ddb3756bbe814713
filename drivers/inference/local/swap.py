"""Where pages lie that had to leave the device: places in host memory.

Interface:
    SwapStore       `save` frames to places, `load` them back
"""

from __future__ import annotations

import time

import numpy
import torch
from torch import Tensor

from .lane import Lane
from .memory import Memory

#: How many pages were moved, and in how many seconds.
Measured = tuple[int, float]


class SwapStore:
    """Host memory for so many pages; it is taken from the machine as they come.

    For a GPU it is pinned, and pages move beside the model's work: what `save` and `load` return is
    then the measurement of an earlier move, or None while there is none.
    """

    def __init__(self, memory: Memory, places: int) -> None:
        self._memory = memory
        self._places = places
        self._kept: list[Tensor] = []  # as the device's frames: [places, all of a page]
        self._lane = Lane(memory.device) if memory.device.type == "cuda" else None

    def save(self, frames: list[int], places: list[int]) -> Measured | None:
        """Copy frames to places."""
        return self._move(self._pairs(), frames, places)

    def load(self, places: list[int], frames: list[int]) -> Measured | None:
        """Copy places to frames."""
        return self._move([(host, device) for device, host in self._pairs()], places, frames)

    def _move(
        self, pairs: list[tuple[Tensor, Tensor]], source: list[int], target: list[int]
    ) -> Measured | None:
        runs = _runs(source, target)

        @torch.inference_mode()  # in which the frames were made
        def work() -> None:
            for one, other in pairs:
                _copy(one, other, runs)

        if self._lane is not None:
            return self._lane.run(work, len(source))
        started = time.perf_counter()
        work()
        return len(source), time.perf_counter() - started

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's frames with its places; layers may have come since the last time."""
        frames = self._memory.frames
        for like in frames[len(self._kept) :]:
            wanted = self._places * like.shape[1] * like.element_size()
            if self._lane is not None:
                room = torch.empty(wanted, dtype=torch.uint8, pin_memory=True)
            else:  # as in the device: memory that is not written to is not taken
                room = torch.from_numpy(numpy.zeros(wanted, numpy.uint8))
            self._kept.append(room.view(like.dtype).view(self._places, -1))
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
        target[to : to + count].copy_(source[start : start + count], non_blocking=True)
