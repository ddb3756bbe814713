"""Namespaces that are shared: whose they are, and to whom they are open.

Whoever first writes to `shared/NAME` owns it, for all of the machine.

Interface:
    Grants          `claim`, `reads`, `writes`, `share`, `unshare`; blocking, one thread
"""

from __future__ import annotations

from functools import partial

import apsw

from ...syscalls.errors import PermissionDenied
from ..index.file import rows

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shared (name TEXT PRIMARY KEY, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS opened (
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    write INTEGER NOT NULL,
    PRIMARY KEY (name, principal)
);
"""


class Grants:
    """Who may do what with shared namespaces. The connection's thread alone uses it."""

    def __init__(self, base: apsw.Connection) -> None:
        self._base = base
        self._rows = partial(rows, base)
        self._rows(_SCHEMA)

    def reads(self, name: str, principal: str) -> bool:
        """Return whether a principal may read; nobody knows of a name that is not open to it."""
        return self._owner(name) == principal or self._opened(name, principal) is not None

    def writes(self, name: str, principal: str) -> bool:
        """Return whether a principal may write what there is already."""
        return self._owner(name) == principal or bool(self._opened(name, principal))

    def claim(self, name: str, principal: str) -> None:
        """Let a principal write; a name that nobody owns is its own from now on.

        Raises `PermissionDenied`.
        """
        with self._base:
            self._rows("INSERT OR IGNORE INTO shared VALUES (?, ?)", name, principal)
        if not self.writes(name, principal):
            raise PermissionDenied(f"shared/{name} is not open to {principal} for writing")

    def share(self, name: str, principal: str, to: str, write: bool) -> None:
        """Open what a principal owns to another one. Raises `PermissionDenied`."""
        with self._base:
            self._own(name, principal)
            self._rows("INSERT OR REPLACE INTO opened VALUES (?, ?, ?)", name, to, write)

    def unshare(self, name: str, principal: str, to: str) -> bool:
        """Close it again; return whether it was open. Raises `PermissionDenied`."""
        with self._base:
            self._own(name, principal)
            found = self._rows(
                "DELETE FROM opened WHERE name = ? AND principal = ? RETURNING 1", name, to
            )
        return bool(found)

    def _own(self, name: str, principal: str) -> None:
        self._rows("INSERT OR IGNORE INTO shared VALUES (?, ?)", name, principal)
        if self._owner(name) != principal:
            raise PermissionDenied(f"shared/{name} belongs to somebody else")

    def _owner(self, name: str) -> str | None:
        found = self._rows("SELECT owner FROM shared WHERE name = ?", name)
        return str(found[0][0]) if found else None

    def _opened(self, name: str, principal: str) -> int | None:
        found = self._rows(
            "SELECT write FROM opened WHERE name = ? AND principal = ?", name, principal
        )
        return int(found[0][0]) if found else None
