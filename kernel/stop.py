"""That the daemon is to end, which may be said before it has come up.

Interface:
    Stop            an event; `set`, and whatever `heeding` surrounds is given up
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Stop(asyncio.Event):
    """Set once the daemon is to end."""

    def __init__(self) -> None:
        super().__init__()
        self._starting: asyncio.Task[object] | None = None

    def set(self) -> None:
        """Let the daemon end."""
        super().set()
        if self._starting is not None:
            self._starting.cancel()

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Give up what is waited for inside, and go on behind it, as soon as the daemon is to end.

        What was entered on a stack outside is left by that as ever.
        """
        task = self._starting = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if task is None or not self.is_set():
                raise
            task.uncancel()  # The time limits of an orderly end count what is left uncalled.
        finally:
            self._starting = None
