"""What processes have recalled lately: a text that comes back is an echo, and no new knowledge.

Interface:
    Echoes          `heard` after a recall; `of` a text that is written
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from ...syscalls.memory import Recollection
from .statement import Statement, digest

#: Pieces that are remembered of a process, and processes.
PIECES, PROCESSES = 100, 1000
#: Characters of the longest text that is compared word by word.
LONGEST = 2000


class Echoes:
    """Kept in the driver's own memory: after a restart, nothing is an echo. For one thread."""

    def __init__(self) -> None:
        self._heard: OrderedDict[int, OrderedDict[bytes, tuple[int, str]]] = OrderedDict()

    def heard(self, pid: int, pieces: Iterable[Recollection]) -> None:
        """A process has recalled pieces."""
        mine = self._heard.setdefault(pid, OrderedDict())
        self._heard.move_to_end(pid)
        for one in pieces:
            mine[digest(one.text)] = (one.id, one.text)
            mine.move_to_end(digest(one.text))
        while len(mine) > PIECES:
            mine.popitem(last=False)
        while len(self._heard) > PROCESSES:
            self._heard.popitem(last=False)

    def of(self, pid: int, text: str) -> int | None:
        """Return the piece that a process has recalled and now writes, in nearly the same words."""
        mine = self._heard.get(pid, OrderedDict())
        if (same := mine.get(digest(text))) is not None:
            return same[0]
        if len(text) > LONGEST:
            return None
        said = Statement.of(text)
        short = (one for one in mine.values() if len(one[1]) <= LONGEST)
        return next((number for number, other in short if said.repeats(Statement.of(other))), None)
