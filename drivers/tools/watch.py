"""What a program and all that it has started may use together.

A limit of the system's is each process's own, and that on processes does not bind root at all.

Interface:
    overrun         waits until too much is used, kills the program and says what it was
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

#: Processes and threads, bytes of memory, and seconds between two looks.
PROCESSES, MEMORY, EVERY = 256, 2 * 1024**3, 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")


async def overrun(program: int) -> str:
    """Return what was too much; the program's group has been killed then."""
    while True:
        await asyncio.sleep(EVERY)
        # One more than may be is enough to know: a look stays short whatever there is.
        found = list(islice(_tree(program), PROCESSES + 1))
        if len(found) > PROCESSES:
            why = f"more than {PROCESSES} processes"
        elif sum(map(_memory, {process for process, _ in found})) > MEMORY:
            why = f"more than {MEMORY} bytes of memory"
        else:
            continue
        with suppress(ProcessLookupError):
            os.killpg(program, signal.SIGKILL)
        return why


def _tree(program: int) -> Iterator[tuple[int, int]]:
    """Yield each thread of a program and of all its descendants, as (process, thread)."""
    processes = [program]
    while processes:
        process = processes.pop()
        # Whoever ends meanwhile leaves nothing to be read.
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):
                yield process, int(thread)
                with open(f"/proc/{process}/task/{thread}/children") as children:
                    processes += map(int, children.read().split())


def _memory(process: int) -> int:
    """Return the bytes of a process that lie in memory."""
    try:
        with open(f"/proc/{process}/statm") as about:
            return int(about.read().split()[1]) * _PAGE
    except OSError:
        return 0
