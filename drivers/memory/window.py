"""How much a working memory may hold, and how many tokens a text has.

No model says how many tokens a text has without reading it. So they are estimated: a token is four
bytes, until the running model has read something for a working memory and its usage has shown how
many it takes there.

Interface:
    Window          `capacity` in tokens, `count`, `cut`, `learn`
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ...syscalls.errors import LLMAgentOSError
from ...syscalls.os import OS

#: Bytes of a token, and the bounds of what is believed.
BYTES, LEAST, MOST = 4.0, 1.0, 8.0
#: Bytes of the shortest text that says how long its tokens are.
TELLING = 400
#: The part of the running model's context that a working memory may fill.
PART = 0.5
#: Seconds for which an answer of `model.ls` is taken to hold, and which it may take.
FRESH, ASKED = 60.0, 2.0


class Window:
    """The running model's view of a text's size."""

    def __init__(self, os: OS, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._os = os
        self._most = most
        self._now = now
        self._capacity = most
        self._asked: float | None = None
        self._bytes = BYTES

    async def capacity(self) -> int:
        """Return the tokens that a working memory may hold."""
        if self._asked is None or self._now() - self._asked > FRESH:
            self._asked = self._now()
            try:
                known = await self._os.call("model.ls", deadline=ASKED)
            except LLMAgentOSError:
                known = []
            context = next((one["context"] for one in known if one["active"]), None)
            self._capacity = min(self._most, int(PART * context)) if context else self._most
        return self._capacity

    def count(self, text: str) -> int:
        """Return about how many tokens a text has."""
        return math.ceil(len(text.encode(errors="replace")) / self._bytes)

    def cut(self, text: str, tokens: int) -> str:
        """Return as much of a text's beginning as has about so many tokens."""
        return text.encode()[: int(tokens * self._bytes)].decode(errors="ignore")

    def learn(self, text: str, tokens: int) -> None:
        """The running model has read a text and says how many tokens it had."""
        size = len(text.encode(errors="replace"))
        if size >= TELLING and tokens > 0:
            self._bytes = min(max(size / tokens, LEAST), MOST)
