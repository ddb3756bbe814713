"""Plans and what came of them, kept in one SQLite file, apart for each principal.

Interface:
    Shelf           `begin`, `put`, `get`, `ls`, `verdicts`; `said` and `habit` for tools
    Verdict         a judged plan's score, confidence and outcome
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw
from pydantic import TypeAdapter

from ...syscalls.plan import PlanInfo

#: Plans and verdicts of a principal that are kept or looked at; the oldest go.
KEPT, JUDGED = 10_000, 500
#: A tool's last results have to be the same so many times, and no longer than so many characters.
HABIT, LONGEST = 2, 200
_PLAN = TypeAdapter(PlanInfo)
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS plan (
    id INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, state TEXT NOT NULL,
    model TEXT, score REAL, confidence REAL, outcome INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS plan_principal ON plan (principal, id);
CREATE TABLE IF NOT EXISTS said (
    principal TEXT, tool TEXT, text TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (principal, tool)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judged plan."""

    model: str | None
    score: float | None
    confidence: float | None
    success: bool


class Shelf:
    """Owns the file. Blocking, for milliseconds."""

    def __init__(self, path: Path) -> None:
        """Open the file; one that is no database is put aside. What ran when it was last closed
        has failed."""
        try:
            self._base = _open(path)
        except (apsw.NotADBError, apsw.CorruptError):
            names = (path.with_name(f"{path.name}.corrupt-{n}") for n in itertools.count(1))
            path.rename(next(name for name in names if not name.exists()))
            self._base = _open(path)
        for row in self._rows("SELECT id, principal, body FROM plan WHERE state = 'running'"):
            plan = _PLAN.validate_json(row[2])
            why = "the planner ended before it did"
            self.put(row[1], replace(plan, state="failed", ended=plan.started, reason=why))

    def begin(self, principal: str, plan: PlanInfo) -> PlanInfo:
        """Keep a new plan and return it with its number."""
        [(number,)] = self._rows(
            "INSERT INTO plan (principal, state, body) VALUES (?, ?, '') RETURNING id",
            principal, plan.state,
        )  # fmt: skip
        plan = replace(plan, id=number)
        self.put(principal, plan)
        self._rows("DELETE FROM plan WHERE principal = ? AND id <= ?", principal, number - KEPT)
        return plan

    def put(self, principal: str, plan: PlanInfo) -> None:
        """Keep a plan as it is now."""
        self._rows(
            "UPDATE plan SET state = ?, model = ?, score = ?, confidence = ?, outcome = ?, body = ?"
            " WHERE id = ? AND principal = ?",
            plan.state, plan.model, plan.score, plan.confidence, plan.outcome,
            _PLAN.dump_json(plan).decode(), plan.id, principal,
        )  # fmt: skip

    def get(self, principal: str, number: int) -> PlanInfo | None:
        """Return a plan; None for one that is another's."""
        found = self._rows(
            "SELECT body FROM plan WHERE id = ? AND principal = ?", number, principal
        )
        return _PLAN.validate_json(found[0][0]) if found else None

    def ls(self, principal: str, limit: int) -> list[PlanInfo]:
        """Return the newest plans first, without their rounds."""
        found = self._rows(
            "SELECT json_remove(body, '$.decisions') FROM plan WHERE principal = ?"
            " ORDER BY id DESC LIMIT ?",
            principal, limit,
        )  # fmt: skip
        return [_PLAN.validate_json(row[0]) for row in found]

    def verdicts(self, principal: str) -> list[Verdict]:
        """Return the latest judged plans."""
        found = self._rows(
            "SELECT model, score, confidence, outcome FROM plan WHERE principal = ?"
            " AND outcome IS NOT NULL ORDER BY id DESC LIMIT ?",
            principal, JUDGED,
        )  # fmt: skip
        return [
            Verdict(model=row[0], score=row[1], confidence=row[2], success=bool(row[3]))
            for row in found
        ]

    def said(self, principal: str, tool: str, text: str) -> None:
        """Note what a tool with an effect has said when it did not fail."""
        if len(text) <= LONGEST:
            self._rows(
                "INSERT INTO said VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET"
                " times = iif(text = excluded.text, times + 1, 1), text = excluded.text",
                principal, tool, text,
            )  # fmt: skip

    def habit(self, principal: str, tool: str) -> str | None:
        """Return what a tool has said each time of late; None where that differs."""
        found = self._rows(
            "SELECT text FROM said WHERE principal = ? AND tool = ? AND times >= ?",
            principal, tool, HABIT,
        )  # fmt: skip
        return str(found[0][0]) if found else None

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._base.execute(statement, values).fetchall()


def _open(path: Path) -> apsw.Connection:
    base = apsw.Connection(str(path))
    try:
        base.set_busy_timeout(5000)
        base.execute(_SCHEMA).fetchall()
    except BaseException:
        base.close()
        raise
    return base
