"""Seconds, as they count where a benchmark runs.

Interface:
    clock           what tells them
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def clock(device: str) -> Callable[[], float]:
    """Return what tells the seconds so far: of this process on the processor, so that other work on
    the machine does not count; of the wall on a GPU, once all that it was given is done."""
    if device == "cpu":
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now
