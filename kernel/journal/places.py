"""Where each process's calls stand in the journal, so that its history is read without a search.

Interface:
    Places          `note`, `after`
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

#: Calls of one process that are known, at most: 8 MiB of places; then the older half is forgotten.
MOST = 1 << 20
#: Processes that are known until those that nobody knows any more are looked for.
FIRST_LOOK = 4096


@dataclass(slots=True)
class _Line:
    """A process's places, as `census.place` makes them."""

    #: Calls before the first one that is known.
    before: int = 0
    places: array[int] = field(default_factory=lambda: array("Q"))


class Places:
    """Kept in memory, about what was written since the start."""

    def __init__(self, exists: Callable[[int], bool] = lambda pid: True) -> None:
        #: Whether anybody may still ask for a process.
        self.exists = exists
        self._lines: dict[int, _Line] = {}
        self._look = FIRST_LOOK

    def note(self, pid: int, at: int) -> None:
        """A process's next record stands at a place."""
        line = self._lines.get(pid)
        if line is None:
            line = self._enter(pid)
        line.places.append(at)
        if len(line.places) > MOST:
            del line.places[: MOST // 2]
            line.before += MOST // 2

    def before(self, pid: int, places: Iterable[int]) -> None:
        """A process's records before the first one that is known stand at these places."""
        line = self._lines.get(pid)
        if line is None:
            line = self._enter(pid)
        line.places = array("Q", places) + line.places

    def after(self, pid: int, seq: int, limit: int) -> list[tuple[int, int]]:
        """Return the places of records after a process's `seq`-th, each with its own seq."""
        line = self._lines.get(pid, _Line())
        start = max(seq - line.before, 0)
        return list(enumerate(line.places[start : start + limit], line.before + start + 1))

    def _enter(self, pid: int) -> _Line:
        if len(self._lines) >= self._look:
            self._lines = {one: line for one, line in self._lines.items() if self.exists(one)}
            self._look = max(FIRST_LOOK, 2 * len(self._lines))
        line = self._lines[pid] = _Line()
        return line
