"""Pages in host memory are what they were in the device."""

from __future__ import annotations

import torch

from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.swap import SwapStore


def layers(memory: Memory, count: int = 2) -> list[torch.Tensor]:
    """Fill some layers with numbers that tell pages apart."""
    for layer in range(count):
        keys = torch.zeros(1, 2, 1, 3)
        memory.pages(layer, keys, torch.zeros(1, 2, 1, 5, dtype=torch.float64))
    for number, one in enumerate(memory.frames):
        one.copy_(torch.arange(one.numel()).view(one.shape) + 1000 * number)
    return [one.clone() for one in memory.frames]


def test_pages_come_back_as_they_were_into_other_frames() -> None:
    memory = Memory(pages=4, page_size=2)
    before = layers(memory)
    store = SwapStore(memory, 3)
    store.save([1, 3], [2, 0])
    for one in memory.frames:
        one.zero_()
    store.load([0, 2], [0, 2])
    for old, new in zip(before, memory.frames, strict=True):
        assert torch.equal(new[0], old[3]) and torch.equal(new[2], old[1])
        assert not new[1].any() and not new[3].any()


def test_layers_may_come_later() -> None:
    memory = Memory(pages=2, page_size=2)
    store = SwapStore(memory, 2)
    layers(memory, 1)
    store.save([0], [1])
    before = layers(memory, 3)
    store.save([1], [0])
    memory.wipe([1])
    store.load([0], [1])
    assert all(torch.equal(one[1], old[1]) for one, old in zip(memory.frames, before, strict=True))
