"""What a model computes on: this machine's processor, or a GPU.

Interface:
    chosen          by name
    usual           the dtype where nobody asks for one
    available       the memory that can be had there, in bytes
    Batch           how much it computes at once; `batch`
    settle, stir    once all is loaded, and once it is to go
"""

from __future__ import annotations

import gc
from dataclasses import dataclass

import torch

from ....syscalls.errors import InvalidArgument
from . import pool
from .loader import Dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How much a device computes at once."""

    #: Calls that run together.
    contexts: int
    #: New tokens of a step, prompts and replies together: enough to keep it busy, and no more, for
    #: everybody waits for a step.
    step: int
    #: Tokens that there is room for where nobody asks for a number.
    tokens: int
    #: The same in the host, for pages that are moved out; None for as many as in the device.
    swapped: int | None


_BATCHES = {
    "cpu": Batch(contexts=64, step=512, tokens=pool.USUAL, swapped=None),
    # What a GPU's pages are moved to is pinned, and taken from the machine all at once.
    "cuda": Batch(contexts=256, step=2048, tokens=1 << 20, swapped=pool.USUAL),
}


def batch(device: torch.device) -> Batch:
    """Return how much a device computes at once."""
    return _BATCHES[device.type]


def chosen(name: str) -> torch.device:
    """Return `cpu`, `cuda`, `cuda:N`, or for `auto` a GPU where there is one.

    Raises `InvalidArgument` for anything else, and for a GPU that is not there.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if there else "cpu"
    kind, colon, number = name.partition(":")
    if name == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise InvalidArgument(f"device {name}: one of auto, cpu, cuda and cuda:N is wanted")
    if int(number or 0) >= there:
        raise InvalidArgument(f"device {name}: torch finds {there} of them here")
    return torch.device("cuda", int(number or 0))


def usual(device: torch.device, dtype: Dtype | None) -> Dtype:
    """Return in what a model computes: float32 on the processor and bfloat16 on a GPU, unless
    another `dtype` is asked for. Raises `InvalidArgument` for one that there is not on the device.
    """
    if device.type == "cpu":
        return dtype or "float32"
    if dtype == "int8":
        raise InvalidArgument("dtype int8 is the processor's: a GPU takes float32 and bfloat16")
    return dtype or "bfloat16"


def available(device: torch.device) -> int:
    """Return the memory that can be had on a device."""
    if device.type == "cpu":
        return pool.available()
    return int(torch.cuda.mem_get_info(device)[0])


def settle() -> None:
    """Let what has been loaded be, which stays: to look through torch and a model for garbage takes
    a tenth of a second and more, in the middle of a step."""
    gc.collect()
    gc.freeze()


def stir() -> None:
    """Let the garbage of what is closed now be found again."""
    gc.unfreeze()
