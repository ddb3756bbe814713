"""What the device knows of the processes whose memory it holds.

Interface:
    Processes       their states; `set`, `state`, `until`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..contract import ProcessState


@dataclass(frozen=True, slots=True)
class _Seen:
    state: ProcessState
    #: When it came into this state, and the seconds for which it was expected to stay there.
    since: float
    seconds: float | None


class Processes:
    """States by pid; a process of which nothing was heard runs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[int, _Seen] = {}

    def set(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        """Take note of a process's state; one that is gone is forgotten."""
        if state in ("running", "gone"):
            self._seen.pop(pid, None)
        else:
            self._seen[pid] = _Seen(state, self._clock(), seconds)

    def state(self, pid: int) -> ProcessState:
        """Return what a process does."""
        seen = self._seen.get(pid)
        return "running" if seen is None else seen.state

    def until(self, pid: int, idle: float) -> float:
        """Return in how many seconds a process is expected to use what it has not used since
        `idle`. Who has been quiet for a while is expected to be so for as long again."""
        now, seen = self._clock(), self._seen.get(pid)
        since = idle if seen is None else seen.since
        if seen is not None and seen.seconds is not None and seen.since + seen.seconds > now:
            return seen.since + seen.seconds - now
        return max(now - since, 0.0)
