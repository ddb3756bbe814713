"""Bearer tokens to sessions, remembered for a moment.

Interface:
    Sessions        `of` a request's Authorization header
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from ...syscalls.errors import PermissionDenied
from ...syscalls.os import OS
from ...syscalls.system import Session

#: Seconds that a session is remembered, which is how long a revoked token may still work.
FRESH = 1.0
#: Tokens that are remembered.
KNOWN = 1000


class Sessions:
    """What tokens stand for. Raises `PermissionDenied` for a missing or a wrong one."""

    def __init__(self, os: OS, clock: Callable[[], float] = time.monotonic) -> None:
        self._os = os
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    async def of(self, header: str | None, *, again: bool = False) -> Session:
        """Return the session of an Authorization header; `again` to ask even if it is known."""
        scheme, _, secret = (header or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret.isascii() or not 0 < len(secret) < 200:
            raise PermissionDenied("a bearer token is wanted; make one with: aos token create")
        known = self._known.get(secret)
        if known is not None and not again and self._clock() - known[0] < FRESH:
            return known[1]
        self._known.pop(secret, None)
        session = await self._os.system.session(secret)
        self._known[secret] = (self._clock(), session)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return session
