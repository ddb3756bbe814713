"""Idempotency keys: a repeated request gets the first one's answer.

Interface:
    Answer          what is kept of a response
    Repeats         `begin` and `end` around a call
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

#: Seconds that an answer is kept, answers that are, and bytes of them all together.
KEPT, MOST, ROOM = 600.0, 10_000, 64 * 2**20
Key = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is kept of a response."""

    status: int
    media_type: str
    body: bytes


class Repeats:
    """Answers by session and key, and the digests of the requests that they belong to."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in_flight: dict[Key, bytes] = {}
        # In the order in which they were given.
        self._answers: OrderedDict[Key, tuple[float, bytes, Answer]] = OrderedDict()
        self._held = 0

    def begin(self, key: Key, call: bytes) -> Answer | None:
        """Return an earlier answer, or None for a new call, which is then in flight.

        Raises BlockingIOError while the first one is in flight, ValueError for another call.
        """
        self._forget()
        mark = sha256(call).digest()
        _, earlier, answer = self._answers.get(key, (0.0, self._in_flight.get(key), None))
        if earlier is None:
            self._in_flight[key] = mark
            return None
        if earlier != mark:
            raise ValueError("the idempotency key was used for another request")
        if answer is None:
            raise BlockingIOError("the first request with this idempotency key is in flight")
        return answer

    def end(self, key: Key, answer: Answer | None) -> None:
        """Keep a call's answer, or forget a call that has none to keep."""
        mark = self._in_flight.pop(key)
        if answer is not None:
            self._answers[key] = (self._clock(), mark, answer)
            self._held += len(answer.body)
            self._forget()

    def _forget(self) -> None:
        """Drop the answers that are too old or too many."""
        now = self._clock()
        while self._answers:
            since, _, answer = next(iter(self._answers.values()))
            if now - since <= KEPT and len(self._answers) <= MOST and self._held <= ROOM:
                return
            self._answers.popitem(last=False)
            self._held -= len(answer.body)
