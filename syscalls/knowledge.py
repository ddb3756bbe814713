"""Knowledge: documents, and who says what of which things, from when to when.

A fact is `subject relation object`, said by a source and true in an interval. Nothing is
overwritten: what contradicts is kept and shown.

Documents come from strangers: whoever is given a passage, a title or a fact of one is tainted, and
so is whoever is given a fact that a tainted process has told.

Interface:
    Knowledge       the syscalls
    Document        a source that was taken in
    Passage         a piece of one that a search found
    Fact            a relation between two things, or of a thing and a value
    Ingested        what taking a document in has done
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from .data import Data
from .interface import Interface, syscall
from .perception import Place

#: `user` is shared by all processes of one principal; `own` belongs to one process.
Namespace = Literal["user", "own"]
Format = Literal["jsonld", "csv", "ntriples"]
Limit = Annotated[int, Ge(1), Le(1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source that was taken in."""

    name: str
    media: str
    digest: str
    title: str | None
    #: Bytes, passages and facts.
    size: int
    passages: int
    facts: int
    #: Seconds since 1970 when it was taken in.
    added: float
    #: What could not be seen in it.
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What taking a document in has done."""

    document: Document
    #: Whether it stood there already, byte for byte, so that nothing was done.
    unchanged: bool
    #: Passages that are new and that were kept from an earlier version.
    added: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document; a higher score is a better match."""

    text: str
    document: str
    place: Place
    score: float
    #: Whether its document came from outside, as all do that `ingest` has taken in.
    untrusted: bool = True

    def cite(self) -> str:
        """Return where it stands, for people: `report.pdf, page 3`."""
        return ", ".join(filter(None, (self.document, str(self.place))))


class Claim(TypedDict):
    """A fact, as it is told."""

    subject: str
    relation: str
    #: The name of a thing, or a value.
    object: str | int | float | bool
    #: Whether a text names a thing, as it does by default, or is a value.
    thing: NotRequired[bool]
    #: Who says so: a document's name, a person; the caller by default.
    source: NotRequired[str]
    #: ISO 8601 dates between which it holds; open where one is missing. The end is not in it.
    since: NotRequired[str | None]
    until: NotRequired[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact that was told."""

    id: int
    subject: str
    relation: str
    object: str | int | float | bool
    #: Whether the object is a thing, which may be a subject as well, or a value.
    thing: bool
    source: str
    since: str | None
    until: str | None
    #: Seconds since 1970 when it was told, and when it was taken back.
    told: float
    retracted: float | None = None
    #: Where the source says so.
    place: Place | None = None
    #: Whether it comes from outside, or from one who had read what does.
    untrusted: bool = False

    def cite(self) -> str:
        """Return who says so and where, for people: `prices.csv, row 2`."""
        return ", ".join(filter(None, (self.source, str(self.place or ""))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way in which a pattern holds."""

    #: Variable to what it stands for.
    values: dict[str, str | int | float | bool]
    #: The facts that it rests on, in the order of the pattern.
    facts: list[Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Things and the facts between them."""

    things: list[str]
    facts: list[Fact]
    #: Whether there was more than was asked for.
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Facts that cannot hold together: one relation of one thing at one time."""

    subject: str
    relation: str
    facts: list[Fact]


class Knowledge(Interface, name="knowledge"):
    """What is known, with who said it."""

    @syscall(effect=True, idempotent=True, subject="namespace", deadline=600.0)
    async def ingest(
        self,
        source: str,
        data: Data | None = None,
        media: str | None = None,
        namespace: Namespace = "user",
        extract: bool = False,
    ) -> Ingested:
        """Take a document in, through perception; in place of what had its name.

        The arguments are those of `perception.perceive`. What stands there already is not done
        again. A table's cells become facts: the first column holds the subjects, the heads are the
        relations. With `extract`, the model writes facts out of each other passage under a
        grammar. Raises as `perceive` and `model.chat` do, and then nothing has changed.
        """
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def documents(self, namespace: Namespace = "user", limit: Limit = 1000) -> list[Document]:
        """Return the documents, by name."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def remove(self, name: str, namespace: Namespace = "user") -> bool:
        """Forget a document with its passages and facts; return whether there was one."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace", deadline=60.0)
    async def search(
        self,
        query: str,
        namespace: Namespace = "user",
        limit: Annotated[int, Ge(1), Le(100)] = 10,
        method: Literal["fused", "words", "vectors"] = "fused",
    ) -> list[Passage]:
        """Return the passages that match best, by words (BM25), nearness of meaning, or both fused.

        Where no model for sentences runs, `fused` is `words`, and `vectors` raises `NotFound`.
        """
        raise NotImplementedError

    @syscall(effect=True, subject="namespace")
    async def tell(
        self, claims: Annotated[list[Claim], MaxLen(10_000)], namespace: Namespace = "user"
    ) -> list[Fact]:
        """Add facts; one that was told before by the same source for the same time is not doubled.

        Raises `InvalidArgument` naming the wrong claim; then none is added.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace")
    async def retract(self, ids: list[int], namespace: Namespace = "user") -> int:
        """Take facts back, from now on; return how many. What was true before stays to be seen."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def ask(
        self,
        pattern: str,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: Limit = 100,
    ) -> list[Answer]:
        """Return the ways in which a pattern of facts holds, at a time or whenever.

        A pattern is one or more triples parted by `.`, such as
        `?who works_at ?firm . ?firm based_in Oslo`; a name with spaces stands in quotes.
        Raises `InvalidArgument` saying where the pattern is wrong, and `TooBig` for one that would
        take too long.
        """
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def paths(
        self,
        start: str,
        end: str,
        most: Annotated[int, Ge(1), Le(8)] = 4,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: Limit = 10,
    ) -> list[list[Fact]]:
        """Return the shortest chains of at most `most` facts that join two things, either way.

        All have the same length; facts that say the same count once. Raises `NotFound` for a thing
        that no fact speaks of, and `TooBig` where too many lie between.
        """
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def neighbourhood(
        self,
        thing: str,
        depth: Annotated[int, Ge(1), Le(4)] = 1,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: Limit = 200,
    ) -> Graph:
        """Return what is known around a thing. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True, subject="namespace")
    async def contradictions(
        self, namespace: Namespace = "user", limit: Limit = 100
    ) -> list[Contradiction]:
        """Return the facts that cannot hold together: different objects at times that overlap.

        They do for a relation of which `RELATION is functional` was told, for true and false, and
        for values of different sources unless `RELATION is plural` was told.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True, subject="namespace", deadline=300.0)
    async def load(
        self, format: Format, text: str, source: str, namespace: Namespace = "user"
    ) -> int:
        """Tell all facts of a text in one of the formats; return how many were new.

        Raises `InvalidArgument` naming the line; then none is told.
        """
        raise NotImplementedError

    @syscall(idempotent=True, stream=True, subject="namespace", deadline=300.0)
    async def dump(
        self, format: Literal["graphml", "ntriples"], namespace: Namespace = "user"
    ) -> AsyncIterator[str]:
        """Yield all facts in one of the formats, as the pieces of one text.

        Raises `TooBig` for GraphML of more than 200,000 facts.
        """
        raise NotImplementedError
        yield

    @syscall(idempotent=True, subject="namespace", deadline=60.0)
    async def picture(
        self,
        thing: str,
        depth: Annotated[int, Ge(1), Le(4)] = 1,
        as_of: str | None = None,
        namespace: Namespace = "user",
    ) -> str:
        """Return a picture of what is known around a thing, as SVG. Raises `NotFound`."""
        raise NotImplementedError


def plain(value: Any) -> str:
    """Return an object of a fact as people write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
