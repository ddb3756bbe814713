"""Calls that wait until what others have set aside of a budget comes back.

A call whose cost nobody knows sets aside all that is left (`ledger.py`). Those that come meanwhile
wait in a line at the node of the budget tree whose rest is too small, first come, first served.

Interface:
    Shortage        `wait`, `leave`, `settled` and `late`
"""

from __future__ import annotations

from collections.abc import Callable

from .budget import Budget
from .call import Call

#: Seconds after which one that waits is refused with EAGAIN: whoever holds the rest may wait for it
#: in turn, as a stream does whose reader makes a call between two items.
PATIENCE = 30.0


class Shortage:
    """The lines of all budgets. The trap alone writes it."""

    def __init__(self, resume: Callable[[Call], None]) -> None:
        """`resume` lets a call go on, which may end it or let it `wait` again."""
        self._resume = resume
        self._lines: dict[Budget, dict[int, tuple[Call, float]]] = {}
        self._at: dict[int, Budget] = {}  # by the call's number, where it stands
        #: Calls that have ended and whose budgets others may wait for, while those go on.
        self._over: list[Call] | None = None

    def __len__(self) -> int:
        return len(self._at)

    def wait(self, call: Call, node: Budget, now: float) -> None:
        """Put a call at the end of a node's line; it keeps its place where it stands there."""
        if self._at.get(call.number) is not node:
            self.leave(call)
            self._at[call.number] = node
            self._lines.setdefault(node, {})[call.number] = (call, now)

    def leave(self, call: Call) -> None:
        """A call waits no longer."""
        if (node := self._at.pop(call.number, None)) is not None:
            line = self._lines[node]
            del line[call.number]
            if not line:
                del self._lines[node]

    def settled(self, call: Call) -> None:
        """Let those go on that have waited for what a call had set aside, which has ended.

        They may end at once and settle in turn, which the outermost of these loops then looks at.
        """
        if not self._at:
            return
        self.leave(call)
        if call.reservation is None:
            return
        if self._over is not None:
            self._over.append(call)
            return
        self._over = [call]
        try:
            while self._over:
                for node in self._over.pop().process.budget.path():
                    self._serve(node)
        finally:
            self._over = None

    def late(self, now: float) -> list[Call]:
        """Return the calls that have waited too long."""
        return [
            call
            for line in self._lines.values()
            for call, since in line.values()
            if now - since > PATIENCE
        ]

    def _serve(self, node: Budget) -> None:
        """Let a line go on until the first in it has to wait again."""
        while (first := self._first(node)) is not None:
            self._resume(first)
            if self._first(node) is first:
                return

    def _first(self, node: Budget) -> Call | None:
        return next((call for call, _ in self._lines.get(node, {}).values()), None)
