"""Idempotency keys: a repeated request gets the first one's answer.

Room is shared by principals. Where it is full, the oldest answer goes of whoever holds most: nobody
can push out what belongs to somebody who holds less.

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

#: Seconds that an answer is kept, bytes of all together, and what one takes besides its body.
KEPT, ROOM, BESIDES = 600.0, 64 * 2**20, 1024
#: A principal, a session of it, and what that calls the request.
Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is kept of a response."""

    status: int
    media_type: str
    body: bytes


class _Shelf:
    """One principal's answers, in the order in which they were given."""

    def __init__(self) -> None:
        self.answers: OrderedDict[Key, tuple[float, bytes, Answer]] = OrderedDict()
        self.held = 0

    def put(self, key: Key, since: float, mark: bytes, answer: Answer) -> None:
        self.answers[key] = (since, mark, answer)
        self.held += BESIDES + len(answer.body)

    def drop(self) -> None:
        """Forget the oldest one."""
        _, (_, _, answer) = self.answers.popitem(last=False)
        self.held -= BESIDES + len(answer.body)


class Repeats:
    """Answers by key, and the digests of the requests that they belong to."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in_flight: dict[Key, bytes] = {}
        self._shelves: dict[str, _Shelf] = {}

    def begin(self, key: Key, call: bytes) -> Answer | None:
        """Return an earlier answer, or None for a new call, which is then in flight.

        Raises BlockingIOError while the first one is in flight, ValueError for another call.
        """
        self._forget()
        mark = sha256(call).digest()
        shelf = self._shelves.get(key[0], _Shelf())
        _, earlier, answer = shelf.answers.get(key, (0.0, self._in_flight.get(key), None))
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
            shelf = self._shelves.setdefault(key[0], _Shelf())
            shelf.put(key, self._clock(), mark, answer)
            self._forget()

    def _forget(self) -> None:
        """Drop the answers that are too old or too many."""
        now, held = self._clock(), 0
        for principal, shelf in list(self._shelves.items()):
            while shelf.answers and now - next(iter(shelf.answers.values()))[0] > KEPT:
                shelf.drop()
            held += shelf.held
            if not shelf.answers:
                del self._shelves[principal]
        while held > ROOM:
            most = max(self._shelves.values(), key=lambda shelf: shelf.held)
            held -= most.held
            most.drop()
            held += most.held
