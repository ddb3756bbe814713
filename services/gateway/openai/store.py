"""Responses that a later request may go on from, kept in memory for a while.

Interface:
    Kept            a response and the conversation up to its end
    Store           `keep`, `find` and `drop` by whose they are
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .refusal import Refusal

#: Seconds that a response is kept, responses that are, and characters of them all together.
KEPT, MOST, ROOM = 3600.0, 10_000, 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A response and the conversation up to its end, without instructions."""

    response: dict[str, Any]
    messages: tuple[dict[str, Any], ...]
    since: float
    size: int


class Store:
    """The newest responses. Each is found by the session that has asked for it, by no other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[int, str], Kept] = OrderedDict()
        self._held = 0

    def keep(self, pid: int, response: dict[str, Any], messages: Sequence[dict[str, Any]]) -> None:
        """Keep a response; the oldest ones give way to it."""
        # A conversation is counted whole each time, though what was kept before is shared.
        size = len(json.dumps([response, messages]))
        kept = Kept(response=response, messages=tuple(messages), since=self._clock(), size=size)
        self._kept[pid, response["id"]] = kept
        self._held += size
        self._forget()

    def find(self, pid: int, id: str, param: str | None = None) -> Kept:
        """Return what was kept. Raises `Refusal`."""
        self._forget()
        kept = self._kept.get((pid, id))
        if kept is None:
            raise Refusal(
                f"there is no response {id[:100]!r}; they are kept for {KEPT:.0f} seconds",
                status=404,
                param=param,
                code="not_found" if param is None else "previous_response_not_found",
            )
        return kept

    def drop(self, pid: int, id: str) -> None:
        """Forget a response. Raises `Refusal`."""
        self._held -= self.find(pid, id).size
        del self._kept[pid, id]

    def _forget(self) -> None:
        now = self._clock()
        while self._kept:
            first = next(iter(self._kept.values()))
            if now - first.since <= KEPT and len(self._kept) <= MOST and self._held <= ROOM:
                return
            self._kept.popitem(last=False)
            self._held -= first.size
