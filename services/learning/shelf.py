"""Jobs and their curves, kept in one SQLite file, apart for each principal.

Interface:
    Shelf           `begin`, `report`, `finish`, `lose`, `gave`, `own`; `get`, `ls`, `running`,
                    `curves`, `thinned`
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...syscalls.errors import AlreadyExists, InvalidArgument, NotFound
from ...syscalls.learning import JobInfo, JobState, Point
from .database import Database

#: Jobs of a principal that are kept; the oldest go.
KEPT = 10_000
#: Points of one answer.
POINTS = 5_000
#: Curves of a job, characters of a curve's name, and of a recipe as JSON.
CURVES, LONGEST, RECIPE = 256, 64, 256 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, pid INTEGER NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, recipe TEXT NOT NULL,
    step INTEGER NOT NULL, total INTEGER, started REAL NOT NULL, ended REAL, reason TEXT,
    metrics TEXT NOT NULL, models TEXT NOT NULL, folder TEXT, since INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS job_principal ON job (principal, id);
CREATE TABLE IF NOT EXISTS point (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE, step INTEGER, name TEXT,
    time REAL NOT NULL, value REAL NOT NULL, PRIMARY KEY (job, step, name)) WITHOUT ROWID;
"""
_COLUMNS = (
    "id, pid, name, kind, state, recipe, step, total, started, ended, reason, metrics, models,"
    " folder, since"
)


class Shelf:
    """Owns the file. Blocking, for milliseconds."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._base = Database(path, _SCHEMA)
        self._rows = self._base.rows

    # What jobs say of themselves.

    def begin(
        self,
        principal: str,
        pid: int,
        kind: str,
        name: str,
        recipe: Mapping[str, Any],
        *,
        total: int | None,
        step: int,
        folder: str | None,
    ) -> int:
        """Return the number of a job: a new one, or that which it goes on with.

        Raises `AlreadyExists` where another process is at it; who asks first finds out which have
        ended, and calls `lose`.
        """
        text = _text(recipe)
        known = self._rows(
            "SELECT id, pid, state FROM job WHERE principal = ? AND name = ? AND kind = ?"
            " AND recipe = ? AND state != 'succeeded' ORDER BY id DESC LIMIT 1",
            principal, name, kind, text,
        )  # fmt: skip
        if not known:
            return self._fresh(principal, pid, kind, name, text, total, step, folder)
        [(job, before, state)] = known
        if state == "running" and before != pid:
            raise AlreadyExists(f"process {before} is at job {job}, {name!r}, already")
        with self._base.transaction():
            self._rows("DELETE FROM point WHERE job = ? AND step > ?", job, step)
            self._rows(
                "UPDATE job SET pid = ?, state = 'running', step = ?, total = ?, ended = NULL,"
                " reason = NULL, metrics = ?, folder = ?, since = ? WHERE id = ?",
                pid, step, total, json.dumps(self._latest(job)), folder, step, job,
            )  # fmt: skip
        return int(job)

    def report(
        self,
        principal: str,
        pid: int,
        job: int,
        step: int,
        metrics: Mapping[str, float],
        total: int | None,
    ) -> None:
        """Note how far a job is. What is no number, such as NaN, leaves a gap in its curve.

        Raises `NotFound` for a job that is not this process's or has ended, and `InvalidArgument`
        for too many curves, or names that are too long.
        """
        known = self._own(principal, pid, job)
        if known.state != "running":
            raise NotFound(f"job {job} has ended")
        values = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        latest = {**known.metrics, **values}
        if len(latest) > CURVES or any(not 0 < len(name) <= LONGEST for name in latest):
            raise InvalidArgument(
                f"a job has at most {CURVES} curves, with names of at most {LONGEST} characters"
            )
        now = self._now()
        with self._base.transaction():
            self._rows(
                "UPDATE job SET step = ?, total = coalesce(?, total), metrics = ? WHERE id = ?",
                step, total, json.dumps(latest), job,
            )  # fmt: skip
            self._base.many(
                "INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?)",
                ((job, step, name, now, value) for name, value in values.items()),
            )

    def finish(
        self, principal: str, pid: int, job: int, state: JobState, reason: str | None
    ) -> None:
        """Note how a job has ended; the first word counts. Raises `NotFound`."""
        if self._own(principal, pid, job).state == "running":
            self._end(job, state, reason, self._now())

    def lose(self, job: int, ended: float | None = None) -> None:
        """A job's process has ended without a word."""
        reason = "its process ended before it did; the same command goes on"
        self._end(job, "lost", reason, self._now() if ended is None else ended)

    def gave(self, principal: str, pid: int, job: int, model: str) -> None:
        """Note that a job has given a model in. Raises `NotFound`."""
        models = self._own(principal, pid, job).models
        if model not in models:
            self._rows("UPDATE job SET models = ? WHERE id = ?", json.dumps([*models, model]), job)

    def own(self, principal: str, pid: int, job: int) -> None:
        """Raise `NotFound` for a job that is not this process's."""
        self._own(principal, pid, job)

    # For whoever looks.

    def get(self, principal: str, job: int) -> JobInfo:
        """Return a job. Raises `NotFound`, also for one that is another's."""
        found = self._rows(
            f"SELECT {_COLUMNS} FROM job WHERE id = ? AND principal = ?", job, principal
        )
        if not found:
            raise NotFound(f"there is no job {job}")
        return _info(found[0])

    def ls(self, principal: str, limit: int) -> list[JobInfo]:
        """Return the newest jobs first."""
        found = self._rows(
            f"SELECT {_COLUMNS} FROM job WHERE principal = ? ORDER BY id DESC LIMIT ?",
            principal, limit,
        )  # fmt: skip
        return [_info(row) for row in found]

    def running(self, principal: str) -> list[tuple[int, int]]:
        """Return the jobs that are not known to have ended, and their processes."""
        return self._rows(
            "SELECT id, pid FROM job WHERE principal = ? AND state = 'running'", principal
        )

    def curves(self, job: int, after: int, names: list[str] | None) -> list[Point]:
        """Return the points after a step, by step; of many the first, all those of a step."""
        wanted = None if names is None else json.dumps(names)
        found = self._rows(
            "SELECT step, time, name, value FROM point WHERE job = ?1 AND step > ?2 AND"
            " (?3 IS NULL OR name IN (SELECT value FROM json_each(?3)))"
            " ORDER BY step, name LIMIT ?4",
            job, after, wanted, POINTS + 1,
        )  # fmt: skip
        if len(found) > POINTS:
            cut = found[-1][0]
            found = [row for row in found if row[0] != cut]
        return [Point(step=row[0], time=row[1], name=row[2], value=row[3]) for row in found]

    def thinned(self, job: int, most: int) -> list[Point]:
        """Return all curves, evenly thinned to about so many points each, their ends kept."""
        found = self._rows(
            "SELECT step, time, name, value FROM (SELECT *,"
            " row_number() OVER curve - 1 AS place, count(*) OVER (PARTITION BY name) AS points"
            " FROM point WHERE job = ? WINDOW curve AS (PARTITION BY name ORDER BY step))"
            " WHERE place % max(1, (points + ?2 - 1) / ?2) = 0 OR place = points - 1"
            " ORDER BY name, step",
            job, most,
        )  # fmt: skip
        return [Point(step=row[0], time=row[1], name=row[2], value=row[3]) for row in found]

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _own(self, principal: str, pid: int, job: int) -> JobInfo:
        known = self.get(principal, job)
        if known.pid != pid:
            raise NotFound(f"job {job} is not process {pid}'s")
        return known

    def _fresh(
        self,
        principal: str,
        pid: int,
        kind: str,
        name: str,
        recipe: str,
        total: int | None,
        step: int,
        folder: str | None,
    ) -> int:
        [(job,)] = self._rows(
            "INSERT INTO job (principal, pid, name, kind, state, recipe, step, total, started,"
            " metrics, models, folder, since)"
            " VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, '{}', '[]', ?, ?) RETURNING id",
            principal, pid, name, kind, recipe, step, total, self._now(), folder, step,
        )  # fmt: skip
        self._rows("DELETE FROM job WHERE principal = ? AND id <= ?", principal, job - KEPT)
        return int(job)

    def _end(self, job: int, state: JobState, reason: str | None, ended: float) -> None:
        self._rows(
            "UPDATE job SET state = ?, reason = ?, ended = ? WHERE id = ? AND state = 'running'",
            state, reason, ended, job,
        )  # fmt: skip

    def _latest(self, job: int) -> dict[str, float]:
        """Return the last value of each curve that is left."""
        found = self._rows(
            "SELECT name, value, max(step) FROM point WHERE job = ? GROUP BY name", job
        )
        return {row[0]: row[1] for row in found}


def _text(recipe: Mapping[str, Any]) -> str:
    """Return a recipe as text that is the same for the same recipe. Raises `InvalidArgument`."""
    try:
        text = json.dumps(recipe, sort_keys=True, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"a recipe holds what JSON can carry: {error}") from None
    if len(text) > RECIPE:
        raise InvalidArgument(f"a recipe has at most {RECIPE} characters")
    return text


def _info(row: tuple[Any, ...]) -> JobInfo:
    return JobInfo(
        id=row[0],
        pid=row[1],
        name=row[2],
        kind=row[3],
        state=row[4],
        recipe=json.loads(row[5]),
        step=row[6],
        total=row[7],
        started=row[8],
        ended=row[9],
        reason=row[10],
        metrics=json.loads(row[11]),
        models=json.loads(row[12]),
        folder=row[13],
        since=row[14],
    )
