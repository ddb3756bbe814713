"""The thread of a sentence model: one slice of texts after the other.

Interface:
    SentenceEngine  `start`, `submit`, `close`
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....syscalls.errors import DeviceError
from .queue import Job, Queue

if TYPE_CHECKING:
    from torch import Tensor

#: Texts of tokens to vectors [texts, width].
Compute = Callable[[Sequence[Sequence[int]]], "Tensor"]


class SentenceEngine:
    """Runs `compute` on a thread of its own. Any thread may submit."""

    def __init__(self, compute: Compute, queue: Queue | None = None) -> None:
        self._compute = compute
        self._queue = queue or Queue()
        self._waking = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sentences", daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand a call in; its future tells the outcome. Raises `TryAgain`, and `DeviceError` once
        it is closed."""
        with self._waking:
            if self._closed:
                raise DeviceError("the device was closed")
            self._queue.add(job)
            self._waking.notify()

    def close(self) -> None:
        """End with the slice that runs; calls in flight end in `DeviceError`. Blocking."""
        with self._waking:
            self._closed = True
            jobs = self._queue.drain()
            self._waking.notify()
        if self._thread.is_alive():
            self._thread.join()
        for job in jobs:
            job.fail(DeviceError("the device was closed"))

    def _run(self) -> None:
        while True:
            with self._waking:
                while not (slice := self._queue.take()) and not self._closed:
                    self._waking.wait()
            if not slice:
                return
            self._step(slice)

    def _step(self, slice: list[tuple[Job, int]]) -> None:
        start = time.perf_counter()
        try:
            vectors = self._compute([job.texts[at] for job, at in slice]).tolist()
        except Exception as error:  # memory, say; the next slice may do
            for job, _ in slice:
                job.fail(DeviceError(f"the model failed: {error}"))
            return
        share = (time.perf_counter() - start) / sum(len(job.texts[at]) for job, at in slice)
        for (job, at), vector in zip(slice, vectors, strict=True):
            job.give(at, vector, share * len(job.texts[at]))
