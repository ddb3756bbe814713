"""Facts that cannot hold together.

Facts of one relation of one thing, at times that overlap, contradict each other where their
objects differ and

- somebody has told `RELATION is functional`: a thing has one at a time; or
- one is true and the other false; or
- they are values of different sources, neither of which also gives the other's, unless somebody
  has told `RELATION is plural`.

Interface:
    contradictions  what stands against each other, thing by thing
"""

from __future__ import annotations

from ...syscalls.knowledge import Contradiction
from . import facts
from .database import Database
from .terms import named

_SAYS = """
    EXISTS (SELECT 1 FROM fact c WHERE c.subject = a.subject AND c.relation = a.relation
            AND c.object = {other}.object AND c.source = {one}.source AND c.retracted IS NULL)
"""
_CLASH = f"""
    a.retracted IS NULL AND b.retracted IS NULL AND a.id < b.id
    AND a.object <> b.object AND a.start < b.end AND b.start < a.end
    AND (a.relation IN (SELECT value FROM json_each(?1))
         OR (s.kind = 'truth' AND t.kind = 'truth')
         OR (s.kind <> 'thing' AND t.kind <> 'thing' AND a.source <> b.source
             AND a.relation NOT IN (SELECT value FROM json_each(?2))
             AND NOT {_SAYS.format(one="a", other="b")}
             AND NOT {_SAYS.format(one="b", other="a")}))
"""
_PAIRS = f"""
    FROM fact a JOIN fact b ON b.subject = a.subject AND b.relation = a.relation
    JOIN term s ON s.id = a.object JOIN term t ON t.id = b.object WHERE {_CLASH}
"""
#: Pairs that are looked at of one thing.
PAIRS = 1000


def contradictions(base: Database, scope: int, limit: int) -> list[Contradiction]:
    """Return what contradicts, at most `limit` relations of things. Raises `TooBig`."""
    kinds = [_declared(base, scope, word) for word in ("functional", "plural")]
    found = []
    with base.bounded():
        groups = base.rows(
            f"SELECT DISTINCT a.subject, a.relation {_PAIRS} AND a.scope = ?3 LIMIT ?4",
            *kinds, scope, limit,
        )  # fmt: skip
        for subject, relation in groups:
            pairs = base.rows(
                f"SELECT a.id, b.id {_PAIRS} AND a.subject = ?3 AND a.relation = ?4 LIMIT ?5",
                *kinds, subject, relation, PAIRS,
            )  # fmt: skip
            against = facts.read(base, sorted({number for pair in pairs for number in pair}))
            found.append(
                Contradiction(
                    subject=against[0].subject, relation=against[0].relation, facts=against
                )
            )
    return found


def _declared(base: Database, scope: int, word: str) -> str:
    """Return the relations of which somebody has told what they are, as JSON."""
    meant = [str(named(base, scope, name, "thing")) for name in ("is", word)]
    ((found,),) = base.rows(
        "SELECT json_group_array(subject) FROM fact WHERE retracted IS NULL"
        " AND relation IN (SELECT value FROM json_each(?))"
        " AND object IN (SELECT value FROM json_each(?))",
        *meant,
    )
    return str(found)
