"""Bearer tokens to sessions, remembered for a moment; how often each may ask, and anybody guess.

Interface:
    Sessions        `of` a request's Authorization header
    place_of        where a request comes from
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from ...syscalls.errors import PermissionDenied, TryAgain
from ...syscalls.os import OS
from ...syscalls.system import Session
from .limits import Limits

#: Seconds that a session is remembered, which is how long a revoked token may still work.
FRESH = 1.0
#: Tokens that are remembered.
KNOWN = 1000
#: Requests a second of one token in the long run, and at once.
RATE, BURST = 500.0, 1000.0
#: Wrong tokens a second from one place in the long run, and at once. Past that, what is not known
#: already is not even looked up.
GUESSES, GUESSED = 1.0, 20.0


def place_of(request: Request) -> str:
    """Return where a request comes from: a program of the kernel's by its relay, others by their
    address."""
    relay = request.scope.get("state", {}).get("relay")
    return f"relay {relay}" if relay else request.client.host if request.client else ""


class Sessions:
    """What tokens stand for. Raises `PermissionDenied` for a missing or a wrong one, and `TryAgain`
    for one that asks too often."""

    def __init__(
        self, os: OS, clock: Callable[[], float] = time.monotonic, rate: float = RATE
    ) -> None:
        self._os = os
        self._clock = clock
        self._asking = Limits(rate, max(BURST * rate / RATE, 1.0), clock)
        self._guessing = Limits(GUESSES, GUESSED, clock)
        self._known: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    async def of(self, header: str | None, *, again: bool = False, place: str = "") -> Session:
        """Return the session of an Authorization header; `again` to ask even if it is known.

        `place` is where the request comes from.
        """
        session = await self._look_up(header, again, place)
        if not again and (seconds := self._asking.take(session.pid)):
            raise TryAgain("the token asks too often", retry_after=seconds)
        return session

    async def _look_up(self, header: str | None, again: bool, place: str) -> Session:
        scheme, _, secret = (header or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret.isascii() or not 0 < len(secret) < 200:
            raise PermissionDenied("a bearer token is wanted; make one with: aos token create")
        known = self._known.get(secret)
        if known is not None and not again and self._clock() - known[0] < FRESH:
            return known[1]
        if known is None and (seconds := self._guessing.empty(place)):
            raise TryAgain("too many wrong tokens came from there", retry_after=seconds)
        self._known.pop(secret, None)
        try:
            session = await self._os.system.session(secret)
        except PermissionDenied:
            self._guessing.take(place)
            raise
        self._known[secret] = (self._clock(), session)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return session
