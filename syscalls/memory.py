"""What agents remember, beyond a single run.

Interface:
    Memory      the syscalls
    Item        one remembered value
    Hit         an item that a search found
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .interface import Interface, syscall

#: `user` is shared by all processes of one principal and lasts; `own` belongs to one process.
Namespace = Literal["user", "own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One remembered value."""

    key: str
    #: Any value that JSON carries.
    value: Any
    #: Seconds since 1970 when it was last written.
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An item that a search found; a higher score is a better match."""

    key: str
    value: Any
    updated: float
    score: float


class Memory(Interface, name="memory"):
    """Values by key, with full-text and vector search, apart for each principal and process."""

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def put(
        self,
        key: str,
        value: Any,
        namespace: Namespace = "user",
        vector: list[float] | None = None,
    ) -> None:
        """Remember a value under a key, in place of what stood there.

        `vector` makes it found by nearness; all vectors of a namespace have one length.
        Raises `InvalidArgument` for an empty key or a vector of another length.
        """
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def get(self, key: str, namespace: Namespace = "user") -> Item:
        """Return what stands under a key. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def delete(self, key: str, namespace: Namespace = "user") -> bool:
        """Forget a key; return whether there was one."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def ls(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[Item]:
        """Return the items whose keys start with `prefix`, by key."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def keys(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[str]:
        """Return the keys that start with `prefix`, sorted, without their values."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def search(
        self,
        query: str = "",
        namespace: Namespace = "user",
        limit: int = 10,
        vector: list[float] | None = None,
    ) -> list[Hit]:
        """Return the items that match best: by words of `query`, by nearness of `vector`.

        With both, the two rankings are fused (reciprocal rank fusion, k = 60; Cormack et al. 2009).
        """
        raise NotImplementedError
