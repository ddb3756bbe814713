"""What processes have used of the processors, whatever else the machine does.

Interface:
    spent           seconds of all that this process has started, and what they have started
"""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def spent() -> float:
    """Return the seconds so far. Steps are a hundredth of a second in each process."""
    parents, ticks = dict[int, int](), dict[int, int]()
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            # A program's name, in parentheses, may hold anything.
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(file.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    ours, fresh = set[int](), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        ours |= fresh
    return sum(ticks[pid] for pid in ours) / _TICK
