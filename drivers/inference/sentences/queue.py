"""Texts that wait for a sentence model, and which of them come next.

A slice is a few texts. Calls take turns by what they have had, from a clock on that says what each
would have had if all shared evenly (weighted fair queueing; Parekh and Gallager 1993). So a short
call waits for a slice of a long one and no longer, and a stream of short ones does not starve it.
What room a slice has left goes to the next calls.

Interface:
    Job             one call's texts and what becomes of them
    Queue           `add`, `take`; the engine's lock guards both
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from ....syscalls.errors import TryAgain
from ..contract import Meter

#: Tokens of a slice with its padding: where a processor is as fast as with more.
SLICE = 512
#: Texts that may wait.
MOST = 16_384


class Job:
    """One call's texts, the longest first: those of one length need no padding."""

    def __init__(self, texts: Sequence[Sequence[int]], meter: Meter) -> None:
        self.texts = texts
        #: The vectors in the texts' order; cancelled by whoever waits no longer.
        self.future: Future[list[list[float]]] = Future()
        #: The moment of the queue's clock at which its next text stands.
        self.turn = 0.0
        self.left = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        self._vectors: list[list[float]] = [[]] * len(texts)
        self._open = len(texts)
        self._meter = meter

    @property
    def length(self) -> int:
        """The tokens of its next text."""
        return len(self.texts[self.left[-1]])

    def draw(self) -> int:
        """Take its next text out; returns the place."""
        self.turn += self.length
        return self.left.pop()

    def give(self, at: int, vector: list[float], seconds: float) -> None:
        """Hand in a text's vector, with the seconds that it took."""
        used = self._meter.usage
        self._meter.usage = replace(
            used,
            input_tokens=used.input_tokens + len(self.texts[at]),
            device_seconds=used.device_seconds + seconds,
        )
        self._vectors[at] = vector
        self._open -= 1
        if not self._open and self.future.set_running_or_notify_cancel():
            self.future.set_result(self._vectors)

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        self.left.clear()
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Queue:
    """Calls whose texts wait."""

    def __init__(self, slice: int = SLICE, most: int = MOST) -> None:
        self._slice = slice
        self._most = most
        self._jobs: list[Job] = []
        #: In tokens that each call has had.
        self._now = 0.0

    def add(self, job: Job) -> None:
        """Let a call wait. Raises `TryAgain` where too many texts do."""
        self._sweep()
        waiting = sum(len(one.left) for one in self._jobs)
        if waiting and waiting + len(job.left) > self._most:
            raise TryAgain(f"{waiting} texts wait for the sentence model", retry_after=1.0)
        job.turn = self._now
        self._jobs.append(job)

    def take(self) -> list[tuple[Job, int]]:
        """Return the next slice, at least one text where any waits."""
        self._sweep()
        # The newest first of those whose turn is the same: it has waited for nothing yet.
        turns = sorted(reversed(self._jobs), key=lambda job: job.turn)
        slice: list[tuple[Job, int]] = []
        widest = 0
        for job in turns:
            while job.left and self._fits(max(widest, job.length), len(slice) + 1):
                widest = max(widest, job.length)
                slice.append((job, job.draw()))
        if slice:
            self._now += sum(len(job.texts[at]) for job, at in slice) / len(turns)
        return slice

    def drain(self) -> list[Job]:
        """Take all calls out."""
        self._sweep()
        jobs, self._jobs = self._jobs, []
        return jobs

    def _fits(self, width: int, texts: int) -> bool:
        return texts == 1 or width * texts <= self._slice

    def _sweep(self) -> None:
        self._jobs = [one for one in self._jobs if one.left and not one.future.cancelled()]
