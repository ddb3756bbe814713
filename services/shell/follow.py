"""What an agent writes, followed beyond the life of a kernel.

Interface:
    follow          the lines of a log, until the agent ends
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from ...syscalls.errors import DeviceError
from ...syscalls.os import OS
from ...syscalls.process import LogLine


async def follow(os: OS, pid: int, tail: int | None = None) -> AsyncIterator[LogLine]:
    """Yield the last `tail` lines of a log, or all, and those to come.

    When the kernel is started again, what was shown is left out: a durable agent writes it again.
    Of a log whose beginning was left out, only what is new is shown then.
    """
    seen, skipped = 0, 0
    while True:
        try:
            async for line in os.process.logs(pid, follow=True, tail=tail):
                skipped += 1
                if skipped > seen:
                    seen += 1
                    yield line
            return
        except DeviceError:
            if os.client.lost.is_set():
                raise
        if tail is None:
            skipped = 0
        else:
            tail, seen, skipped = 0, 0, 0
