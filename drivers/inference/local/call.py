"""What the engine runs: a call works on one context, a part of its tokens in each step.

Interface:
    Call            what all of them have; the engine's thread alone runs them
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from ..contract import Meter, Owner, Rank
from .context import Context
from .plan import Span


class Call(ABC):
    """A call brings tokens, which stand at the end of its context, and pays for those alone."""

    #: Whether it wants the states of its tokens instead of logits.
    states: ClassVar[bool] = False

    def __init__(
        self,
        context: Context,
        *,
        owner: Owner,
        meter: Meter,
        brings: int,
        fail: Callable[[BaseException], None],
    ) -> None:
        """`fail` is told of an error in place of an outcome, on the engine's thread."""
        self.context = context
        self.owner = owner
        #: Where it stands among others; the lowest comes first.
        self.rank: Rank = owner.rank
        self.arrival = 0
        self.cancelled = False
        #: Told, on the engine's thread, once it is out of the step in which it was cancelled.
        self.gone: Callable[[], None] | None = None
        #: Whether it has come to its end.
        self.ended = False
        self.fail = fail
        self._meter = meter
        self._brings = brings
        self._first = len(context.tokens) - brings
        self._read = 0  # of the tokens that it brings, also when their pages were taken away since

    @property
    def order(self) -> tuple[Rank, int]:
        """Whoever has the lowest comes first."""
        return self.rank, self.arrival

    @property
    def goal(self) -> int:
        """How many of its context's tokens are to be written in order to go on. The last one stays
        unread until something follows it: what comes after it is in its logits alone."""
        return len(self.context.tokens) - 1

    @property
    def most(self) -> int:
        """The tokens that its context may come to hold."""
        return len(self.context.tokens)

    @property
    def pending(self) -> int:
        """The tokens that are still to be written."""
        return self.goal - self.context.table.length

    def span(self, room: int, size: int) -> Span:
        """Return its part of the next step: at most `room` tokens, up to the end of a page of
        `size` where it can't read all, so that others can take the page over."""
        table = self.context.table
        count = min(self.pending, room)
        over = (table.length + count) % size
        if over < count < self.pending:
            count -= over
        return Span(table=table, count=count, slot=self.context.slot)

    def rows(self, span: Span) -> int:
        """Return of how many of a span's last tokens it wants the logits; at least of one."""
        return 1

    @property
    def undone(self) -> int:
        """How many tokens its context goes back to where it does not come to its end."""
        return len(self.context.tokens)

    @abstractmethod
    def advance(self, span: Span, out: Tensor, likeliest: int, seconds: float) -> bool:
        """Take a step's outcome; returns whether the call has come to its end.

        The span's tokens are written already. `out` [rows, vocabulary] are logits, of the last of
        which `likeliest` is the largest; [count, hidden] for one that wants states. `seconds` is
        its share of the step.
        """

    @abstractmethod
    def finish(self) -> None:
        """Tell its outcome; the engine has let it go."""

    def stand_still(self) -> None:
        """Others run in its place from now on."""
        self._meter.preemptions += 1

    def pay(self, seconds: float, written: int = 0, read_all: bool = False) -> None:
        """Pay for its share of a step, and for what it has read and written in it."""
        read = self._brings
        if not read_all:
            length = self.context.table.length - self._first
            read = max(self._read, min(length, self._brings))
        used = self._meter.usage
        self._meter.usage = replace(
            used,
            input_tokens=used.input_tokens + read - self._read,
            output_tokens=used.output_tokens + written,
            device_seconds=used.device_seconds + seconds,
        )
        self._read = read
