"""How long calls usually take, learned from those before.

Interface:
    Durations       `like` names what a call is compared with; `learn`, `expect`
"""

from __future__ import annotations

from collections import OrderedDict

from .call import READ, Call

#: A syscall, and the subject that it is about (which tool, say).
Like = tuple[str, str]
#: How much a call's duration counts beside the typical one of those before it.
NEW = 0.2
#: So many kinds of calls are remembered, and of subjects so many characters.
REMEMBERED, LONGEST = 1000, 100


class Durations:
    """The typical duration of each kind of call."""

    def __init__(self) -> None:
        self._typical: OrderedDict[Like, float] = OrderedDict()

    @staticmethod
    def like(call: Call) -> Like:
        """Return what a call is compared with."""
        about = None if len(call.body) > READ else call.subject()
        return call.syscall.name, (about or "")[:LONGEST]

    def learn(self, like: Like, seconds: float) -> None:
        """Note how long a call has taken."""
        before = self._typical.pop(like, seconds)
        self._typical[like] = before + NEW * (seconds - before)
        if len(self._typical) > REMEMBERED:
            self._typical.popitem(last=False)

    def expect(self, like: Like) -> float | None:
        """Return how long such a call usually takes, None where none has been seen."""
        return self._typical.get(like)
