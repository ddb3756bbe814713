"""Facts: told, taken back, and read again with all that is known of them.

Interface:
    Told            a claim that was checked, ready to be stored
    checked         a claim to that
    tell            store some; which are new and which stand
    retract         take some back
    read            facts by their numbers
    every           all of a namespace, page by page
    holding         the condition under which a fact holds
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...syscalls.errors import InvalidArgument, TooBig
from ...syscalls.knowledge import Claim, Fact
from ...syscalls.perception import Place
from .database import Database
from .dates import moment, span
from .terms import Value, checked_name, checked_value, enter, kind_of, value_of

#: Characters of the facts of an answer, at most.
ANSWER = 6_000_000
#: Facts that are read at once.
PAGE = 5_000
#: What a fact takes of an answer besides its texts.
FACT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A claim that was checked."""

    subject: str
    relation: str
    object: Value
    #: `thing`, `text`, `number` or `truth`.
    kind: str
    source: str
    since: str | None
    until: str | None
    #: Seconds since 1970.
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where in a document facts come from."""

    document: int
    passage: int
    #: Of a table, the row of the passage, from 0.
    row: int | None = None


def checked(claim: Claim, source: str) -> Told:
    """Return a claim ready to be stored; `source` is who says so where it names nobody.

    Raises `InvalidArgument`.
    """
    value = claim["object"]
    kind = kind_of(value, claim.get("thing", True))
    since, until = claim.get("since"), claim.get("until")
    start, end = span(since, until)
    return Told(
        subject=checked_name(claim["subject"], "a subject"),
        relation=checked_name(claim["relation"], "a relation"),
        object=checked_name(str(value), "an object")
        if kind == "thing"
        else checked_value(value, "an object"),
        kind=kind,
        source=checked_name(claim.get("source") or source, "a source"),
        since=since,
        until=until,
        start=start,
        end=end,
    )


def checked_all(claims: Iterable[Claim], source: str) -> list[Told]:
    """Return claims ready to be stored. Raises `InvalidArgument` naming the wrong one."""
    done = []
    for number, claim in enumerate(claims, start=1):
        try:
            done.append(checked(claim, source))
        except InvalidArgument as error:
            raise InvalidArgument(f"claim {number}: {error.message}") from None
    return done


def tell(
    base: Database,
    scope: int,
    told: Iterable[Told],
    *,
    untrusted: bool = False,
    origin: Origin | None = None,
) -> tuple[list[int], int]:
    """Store facts; return the number of each, and how many are new. Within a transaction."""
    numbers, new, now = [], 0, base.now()
    terms: dict[tuple[str, Value], int] = {}

    def term(kind: str, value: Value) -> int:
        if (known := terms.get((kind, value))) is None:
            known = terms[kind, value] = enter(base, scope, kind, value)
        return known

    document = origin.document if origin else None
    for one in told:
        key = (
            term("thing", one.subject), term("thing", one.relation), term(one.kind, one.object),
            one.source, one.start, one.end,
        )  # fmt: skip
        found = base.rows(
            "SELECT id FROM fact WHERE subject = ? AND relation = ? AND object = ? AND source = ?"
            " AND start = ? AND end = ? AND IFNULL(document, 0) = ? AND retracted IS NULL",
            *key, document or 0,
        )  # fmt: skip
        if found and not untrusted:
            base.rows("UPDATE fact SET untrusted = 0 WHERE id = ? AND untrusted", found[0][0])
        elif not found:
            new += 1
            found = base.rows(
                "INSERT INTO fact (subject, relation, object, source, start, end, scope, since,"
                " until, told, untrusted, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " RETURNING id",
                *key, scope, one.since, one.until, now, untrusted, document,
            )  # fmt: skip
        numbers.append(found[0][0])
        if origin is not None:
            base.rows(
                "INSERT OR IGNORE INTO stated VALUES (?, ?, ?)",
                found[0][0], origin.passage, origin.row,
            )  # fmt: skip
    return numbers, new


def retract(base: Database, scope: int, numbers: Iterable[int]) -> int:
    """Take facts back from now on; return how many of them held. Within a transaction."""
    taken = (
        "UPDATE fact SET retracted = ? WHERE id = ? AND scope = ? AND retracted IS NULL"
        " RETURNING id"
    )
    valid = {number for number in numbers if 0 < number < 2**63}
    return sum(len(base.rows(taken, base.now(), number, scope)) for number in sorted(valid))


def holding(as_of: str | None, alias: str = "fact") -> tuple[str, list[float]]:
    """Return the condition under which a fact holds at a time, or whenever, and its values."""
    if as_of is None:
        return f"{alias}.retracted IS NULL", []
    when = moment(as_of)
    return (
        f"{alias}.start <= ? AND ? < {alias}.end AND ? < IFNULL({alias}.retracted, 1e18)",
        [when] * 3,
    )


_READ = """
SELECT fact.id, s.value, r.value, o.kind, o.value, source, since, until, told, retracted,
       untrusted,
       (SELECT IIF(row IS NULL, place,
                   json_set(place, '$.row', row + IFNULL(json_extract(place, '$.row'), 1)))
        FROM stated JOIN passage ON passage.id = passage WHERE stated.fact = fact.id LIMIT 1)
FROM fact JOIN term s ON s.id = subject JOIN term r ON r.id = relation JOIN term o ON o.id = object
"""


def read(base: Database, numbers: Sequence[int]) -> list[Fact]:
    """Return facts in the order of their numbers. Raises `TooBig` for more than an answer holds."""
    wanted = json.dumps(sorted(set(numbers)))
    rows = base.rows(f"{_READ} WHERE fact.id IN (SELECT value FROM json_each(?))", wanted)
    found = {row[0]: fact_of(row) for row in rows}
    sizes = {number: len(str(row[4])) + FACT for row in rows for number in (row[0],)}
    if sum(sizes[number] for number in numbers) > ANSWER:
        raise TooBig("the facts do not fit into one answer; ask for fewer")
    return [found[number] for number in numbers]


def every(base: Database, scope: int, after: int = 0, limit: int = PAGE) -> list[Fact]:
    """Return the facts that were not taken back, from the first one told after a fact."""
    where = "WHERE fact.scope = ? AND fact.id > ? AND retracted IS NULL ORDER BY fact.id LIMIT ?"
    return [fact_of(row) for row in base.rows(f"{_READ} {where}", scope, after, limit)]


def fact_of(row: Sequence[Any]) -> Fact:
    """Return a row of the file as a fact."""
    return Fact(
        id=row[0], subject=row[1], relation=row[2], object=value_of(row[3], row[4]),
        thing=row[3] == "thing", source=row[5], since=row[6], until=row[7], told=row[8],
        retracted=row[9], untrusted=bool(row[10]), place=place_of(row[11]),
    )  # fmt: skip


def written(place: Place) -> str:
    """Return a place as the file holds it."""
    return json.dumps({key: one for key, one in asdict(place).items() if one is not None})


def place_of(text: str | None) -> Place | None:
    """Return what `written` has written; None for a place of which nothing is known."""
    return Place(**json.loads(text)) if text and text != "{}" else None
