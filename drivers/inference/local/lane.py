"""Work on a GPU beside that of the model.

Interface:
    Lane            `run` copies there
"""

from __future__ import annotations

from collections.abc import Callable

import torch


class Lane:
    """A stream of its own. It begins after what the model's stream was given before, and that goes
    on after it; nobody on the processor waits."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        #: The beginning and the end of the last work, and its size.
        self._last: tuple[torch.cuda.Event, torch.cuda.Event, int] | None = None

    def run(self, work: Callable[[], None], size: int) -> tuple[int, float] | None:
        """Let work of some size begin; returns the size of the work before and the seconds that it
        took, None where it still goes on."""
        before, measured = self._last, None
        if before is not None and before[1].query():  # type: ignore[no-untyped-call]
            measured = before[2], before[0].elapsed_time(before[1]) / 1000
        main = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(main)
        begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._stream):
            begin.record(self._stream)
            work()
            end.record(self._stream)
        main.wait_stream(self._stream)
        self._last = begin, end, size
        return measured
