"""Open contexts by their handles, as a process's file descriptors are.

Interface:
    ContextTable    `check`, `add`, `get`, `remove`, `of`
"""

from __future__ import annotations

import secrets

from ....syscalls.errors import NotFound, QuotaExceeded
from ..contract import Owner
from .context import Context

#: Handles are drawn from so many, since several devices give them out; JSON keeps them exact.
HANDLES = 1 << 48
#: Contexts that a process may have open: pages that are shared cost it nothing, these do.
LIMIT = 1024


class ContextTable:
    """All open contexts. One thread."""

    def __init__(self) -> None:
        self._contexts: dict[int, Context] = {}
        self._of: dict[int, dict[int, Context]] = {}  # by pid, then by handle

    def check(self, owner: Owner, more: int) -> None:
        """Raise `QuotaExceeded` where a process may not open so many more."""
        if len(self._of.get(owner.pid, {})) + more > LIMIT:
            raise QuotaExceeded(f"process {owner.pid} may have {LIMIT} contexts open")

    def add(self, context: Context) -> None:
        """Give a context a handle."""
        handle = secrets.randbelow(HANDLES) + 1
        while handle in self._contexts:
            handle = secrets.randbelow(HANDLES) + 1
        context.handle, context.stays = handle, True
        self._contexts[handle] = context
        self._of.setdefault(context.pid, {})[handle] = context

    def get(self, owner: Owner, handle: int) -> Context:
        """Return a process's context. Raises `NotFound`, also for another's."""
        context = self._contexts.get(handle)
        if context is None or context.pid != owner.pid:
            raise NotFound(f"process {owner.pid} has no context {handle}")
        return context

    def remove(self, context: Context) -> None:
        """Let a context's handle stand for nothing."""
        if context.handle is None or self._contexts.pop(context.handle, None) is None:
            return
        mine = self._of[context.pid]
        del mine[context.handle]
        if not mine:
            del self._of[context.pid]

    def of(self, pid: int) -> list[Context]:
        """Return the open contexts of a process, in the order of their opening."""
        return list(self._of.get(pid, {}).values())
