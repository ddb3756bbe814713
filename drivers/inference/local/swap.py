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
        for device, host in self._pairs():
            _copy(device, frames, host, places)

    @torch.inference_mode()
    def load(self, places: list[int], frames: list[int]) -> None:
        """Copy places to frames."""
        for device, host in self._pairs():
            _copy(host, places, device, frames)

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's frames with its places; layers may have come since the last time."""
        frames = self._memory.frames
        for like in frames[len(self._kept) :]:
            wanted = self._places * like.shape[1] * like.element_size()
            # As in the device: memory that is not written to is not taken.
            zeros = torch.from_numpy(numpy.zeros(wanted, numpy.uint8))
            self._kept.append(zeros.view(like.dtype).view(self._places, -1))
        return list(zip(frames, self._kept, strict=True))


def _copy(source: Tensor, at: list[int], target: Tensor, to: list[int]) -> None:
    """Copy rows to rows."""
    if source.device != target.device:
        moved = source[torch.tensor(at, device=source.device)].to(target.device)
        target[torch.tensor(to, device=target.device)] = moved
    else:
        for one, other in zip(at, to, strict=True):
            target[other].copy_(source[one])
