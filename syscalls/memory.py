"""What agents remember, in three tiers.

Working memory is what a process has in mind: bounded in tokens, made smaller when it is full.
Episodic memory is what happened; semantic memory is what was learned from it, or was told. Values
by key stand beside the tiers, for programs that know what they look for.

Interface:
    Memory          the syscalls
    Item, Hit       a value by its key, and one that a search found
    Recollection    a piece of episodic or semantic memory
    Thought         a piece of working memory; Mind holds all of them
    Consolidated    what became of episodes
    Audit           what is wrong with a memory
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import Field

from .interface import Interface, syscall

#: `user` is shared by all processes of one principal and lasts; `own` belongs to one process, which
#: also reads what its parents have in theirs; `shared/NAME` is open to those it was shared with.
#: What a tainted process writes is marked, and taints whoever reads it.
Namespace = Annotated[str, Field(pattern=r"^(user|own|shared/[A-Za-z0-9_.-]{1,64})$")]
#: What stands after `shared/`.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Principal = Annotated[str, MinLen(1), MaxLen(256)]
Tier = Literal["episodic", "semantic"]
Ids = Annotated[list[Annotated[int, Ge(0), Le(2**63 - 1)]], MaxLen(10_000)]
Text = Annotated[str, MinLen(1), MaxLen(100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One remembered value."""

    key: str
    #: Any value that JSON carries.
    value: Any
    #: Seconds since 1970 when it was last written.
    updated: float
    #: Whether a stranger's words may be in it.
    untrusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An item that a search found; a higher score is a better match."""

    key: str
    value: Any
    updated: float
    score: float
    untrusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A piece of episodic or semantic memory."""

    id: int
    tier: Tier
    text: str
    #: Seconds since 1970 when it was written, and when it was last recalled.
    written: float
    recalled: float | None
    #: 0 to 1: how much it matters, and what is left of that after decay.
    importance: float
    strength: float
    #: Where it comes from: a process, a document, a person.
    source: str
    #: How often it was written or happened.
    times: int = 1
    #: The episodes that it was learned from.
    episodes: list[int] = field(default_factory=list)
    #: Whether a stranger's words may be in it.
    untrusted: bool = False
    #: How well it matches what was asked; 0 where nothing was.
    score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """A piece of working memory."""

    id: int
    text: str
    tokens: int
    #: Whether it stays whatever happens.
    pinned: bool
    #: How many thoughts it stands for, where it is the line in their place.
    summary_of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mind:
    """A process's working memory, the oldest first."""

    thoughts: list[Thought]
    tokens: int
    #: Tokens that it may hold.
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidated:
    """What became of episodes."""

    #: Episodes that were looked at, and semantic pieces that are new or were strengthened.
    episodes: int
    added: int
    strengthened: int
    #: Answers of the model that were of no use.
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with a memory."""

    #: `duplicate`, `contradiction` or `echo` (a recalled text that was stored again).
    kind: Literal["duplicate", "contradiction", "echo"]
    ids: list[int]
    #: For people.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is wrong with a memory."""

    #: Pieces that were looked at.
    pieces: int
    findings: list[Finding]


class Memory(Interface, name="memory"):
    """What is remembered, apart for each principal and process."""

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

        With both, half of a score is for the share of the query's words, by their weights in BM25,
        and half for nearness.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="name")
    async def share(self, name: Name, principal: Principal, write: bool = False) -> None:
        """Open the caller's `shared/NAME` to another principal; whoever writes there first owns it.

        Raises `PermissionDenied` for one that somebody else owns.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="name")
    async def unshare(self, name: Name, principal: Principal) -> bool:
        """Close the caller's `shared/NAME` to a principal again; return whether it was open.

        Raises `PermissionDenied` for one that somebody else owns.
        """
        raise NotImplementedError

    @syscall(effect=True, subject="namespace")
    async def write(
        self,
        text: Text,
        tier: Tier = "semantic",
        importance: Annotated[float, Ge(0), Le(1)] = 0.5,
        source: str | None = None,
        namespace: Namespace = "user",
    ) -> Recollection:
        """Remember a text; one that stands there already is strengthened, not doubled.

        Two texts are the same that differ in case, punctuation and spaces alone. What the process
        has recalled lately and writes again strengthens nothing.
        """
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def recall(
        self,
        query: str,
        tiers: list[Tier] | None = None,
        limit: Annotated[int, Ge(1), Le(100)] = 10,
        namespace: Namespace = "user",
    ) -> list[Recollection]:
        """Return what matches best by words (BM25), meaning and recency, fused; without a query,
        what is newest. What is recalled is strengthened, where the caller may write."""
        raise NotImplementedError

    @syscall(effect=True, subject="namespace", deadline=600.0)
    async def consolidate(
        self, namespace: Namespace = "user", pid: int | None = None, extract: bool = False
    ) -> Consolidated:
        """Turn what happened into what is known: take new episodes of a process from the journal,
        and learn semantic pieces from those that repeat or matter. Each piece names its episodes.

        Without `pid`, the journal of every process that the caller may look at is read; for `own`,
        that of the caller alone. With `extract`, the caller's model writes what was learned.
        Raises as `process.history` and `model.chat` do; what was done by then stays.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def decay(
        self,
        half_life: Annotated[float, Ge(1)] = 30 * 86400.0,
        below: Annotated[float, Ge(0), Le(1)] = 0.05,
        namespace: Namespace = "user",
    ) -> int:
        """Forget what has become weaker than `below`; return how many. Strength halves every
        `half_life` seconds since it was written or last recalled (Ebbinghaus 1885)."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def forget(self, ids: Ids, namespace: Namespace = "user") -> int:
        """Forget pieces for good; return how many there were."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace", deadline=120.0)
    async def audit(self, namespace: Namespace = "user") -> Audit:
        """Return duplicates, contradictions, and recalled texts that were stored again."""
        raise NotImplementedError

    @syscall(effect=True)
    async def think(self, text: Text, pinned: bool = False) -> Mind:
        """Add to the caller's working memory. When it is full, the oldest thoughts that are not
        pinned are put into episodic memory and a line stands for them. Raises `QuotaExceeded`
        where what is pinned leaves no room, and then nothing is changed."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def mind(self, pid: int | None = None) -> Mind:
        """Return the working memory of the caller, or of a process that it may look at."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, deadline=600.0)
    async def compact(self, tokens: Annotated[int, Ge(0)], summarise: bool = False) -> Mind:
        """Make the caller's working memory hold at most so many tokens; what is pinned stays. With
        `summarise`, the caller's model writes the line that stands for what is put away. Raises
        `QuotaExceeded` where more is pinned, and as `model.chat` does; then nothing is changed."""
        raise NotImplementedError
