"""Calls that wait until what others have set aside of a budget comes back.

A call whose cost nobody knows sets aside all that is left (`ledger.py`). Those that come meanwhile
wait in a line at the node of the budget tree whose rest is too small, first come, first served.

Interface:
    Shortage        `wait`, `first`, `leave` and `late`
"""

from __future__ import annotations

from .budget import Budget
from .call import Call

#: Seconds after which one that waits is refused with EAGAIN: whoever holds the rest may wait for it
#: in turn, as a stream does whose reader makes a call between two items.
PATIENCE = 30.0


class Shortage:
    """The lines of all budgets. The trap alone writes it."""

    def __init__(self) -> None:
        self._lines: dict[Budget, dict[int, tuple[Call, float]]] = {}
        self._at: dict[int, Budget] = {}  # by the call's number, where it stands

    def __len__(self) -> int:
        return len(self._at)

    def wait(self, call: Call, node: Budget, now: float) -> None:
        """Put a call at the end of a node's line; it keeps its place where it stands there."""
        if self._at.get(call.number) is not node:
            self.leave(call)
            self._at[call.number] = node
            self._lines.setdefault(node, {})[call.number] = (call, now)

    def first(self, node: Budget) -> Call | None:
        """Return the call that has waited longest at a node."""
        return next((call for call, _ in self._lines.get(node, {}).values()), None)

    def leave(self, call: Call) -> None:
        """A call waits no longer."""
        if (node := self._at.pop(call.number, None)) is not None:
            line = self._lines[node]
            del line[call.number]
            if not line:
                del self._lines[node]

    def late(self, now: float) -> list[Call]:
        """Return the calls that have waited too long."""
        return [
            call
            for line in self._lines.values()
            for call, since in line.values()
            if now - since > PATIENCE
        ]
