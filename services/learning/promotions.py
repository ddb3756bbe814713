"""Which model answers: a gate before it, a share of the processes for a canary, and the way back.

The device does the switching, with the rights of whoever asks; here stands what was decided. The
model that answered before stays loaded beside the new one until the next promotion, so that a
rollback takes no time.

Interface:
    Promotions      `promote`, `rollback`, `ls`; `held` tells what must not be deleted
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import apsw

from ...syscalls.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from ...syscalls.learning import ModelCard, Promotion, Verdict
from ...syscalls.model import ModelInfo
from ...syscalls.os import OS

CANARY, ACTIVE = "canary", "active"
SUPERSEDED, ROLLED_BACK = "superseded", "rolled back"
#: Kinds of models that can answer.
ANSWERING = ("causal", "adapter")
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS promotion (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, target TEXT NOT NULL,
    previous TEXT NOT NULL, share REAL NOT NULL, state TEXT NOT NULL, verdict TEXT);
"""
_COLUMNS = "id, time, target, previous, share, state, verdict"


class Promotions:
    """Owns the log of promotions. One change at a time."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._base = apsw.Connection(str(path))
        self._base.set_busy_timeout(5000)
        self._base.execute(_SCHEMA).fetchall()
        self._now = now
        self._lock = asyncio.Lock()

    def close(self) -> None:
        """Close the log."""
        self._base.close()

    def ls(self, limit: int) -> list[Promotion]:
        """Return the promotions, the newest first."""
        return self._rows("ORDER BY id DESC LIMIT ?", limit)

    def held(self) -> set[str]:
        """Return the targets that answer, or would after a rollback."""
        rows = self._rows("WHERE state IN (?, ?)", CANARY, ACTIVE)
        return {target for row in rows for target in (row.target, row.previous)}

    async def promote(
        self, os: OS, card: ModelCard, share: float, overrule: bool = False
    ) -> Promotion:
        """Let a model answer for a share of the processes; `os` has the rights of whoever asks.

        Raises `InvalidArgument` for a model that cannot answer, `AlreadyExists` for one that does,
        `PermissionDenied` without a passed verdict, and what the device refuses it with; then
        everything is as it was.
        """
        if card.kind not in ANSWERING:
            raise InvalidArgument(f"{card.name} is a {card.kind}: it cannot answer")
        async with self._lock:
            known = await os.model.ls()
            active = _active(known)
            if active.target == card.target:
                raise AlreadyExists(f"{card.name} answers already")
            verdict = None if overrule else _passed(card, active)
            running = {one.target for one in known if one.state == "ready"}
            if card.target not in running:
                await os.model.add(card.target)
            try:
                await os.model.share(card.target, share)
            except BaseException:
                if card.target not in running:
                    await os.model.remove(card.target)
                raise
            made = Promotion(
                id=0,
                time=self._now(),
                target=card.target,
                previous=active.target,
                share=share,
                state=ACTIVE if share == 1 else CANARY,
                verdict=verdict,
            )
            return await self._note(os, made, running)

    async def rollback(self, os: OS) -> Promotion:
        """Take the last promotion back; `os` has the rights of whoever asks.

        Raises `NotFound` where no model that answers was promoted.
        """
        async with self._lock:
            known = await os.model.ls()
            running = {one.target for one in known if one.state == "ready"}
            for row in self._rows("WHERE state IN (?, ?) ORDER BY id DESC", CANARY, ACTIVE):
                if row.state == ACTIVE and _active(known).target == row.target:
                    if row.previous not in running:
                        await os.model.add(row.previous)
                    await os.model.share(row.previous, 1.0)
                elif row.state == ACTIVE or row.target not in running:
                    self._set(row, SUPERSEDED)  # somebody has chosen another model since
                    continue
                await os.model.remove(row.target)
                self._set(row, ROLLED_BACK)
                if row.state == ACTIVE:
                    self._restore(row.previous)
                return replace(row, state=ROLLED_BACK)
        raise NotFound("no model that answers now was promoted")

    async def _note(self, os: OS, made: Promotion, running: set[str]) -> Promotion:
        """Write a promotion down, and let go of the models that no rollback leads to any more."""
        gone: set[str] = set()
        with self._base:
            for row in self._rows("WHERE state IN (?, ?)", CANARY, ACTIVE):
                same = row.target == made.target
                if row.state == CANARY and (same or made.state == ACTIVE):
                    self._set(row, SUPERSEDED)
                    gone |= set() if same else {row.target}
                elif row.state == ACTIVE and made.state == ACTIVE:
                    self._set(row, SUPERSEDED)
                    gone.add(row.previous)
            self._base.execute(
                "INSERT INTO promotion (time, target, previous, share, state, verdict)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    made.time, made.target, made.previous, made.share, made.state,
                    None if made.verdict is None else json.dumps(asdict(made.verdict)),
                ),
            )  # fmt: skip
            made = replace(made, id=self._base.last_insert_rowid())
        for target in (gone & running) - {made.target, made.previous}:
            await os.model.remove(target)
        return made

    def _restore(self, target: str) -> None:
        """Let the promotion of a target count again that a later one has superseded."""
        for row in self._rows(
            "WHERE target = ? AND state = ? AND share = 1 ORDER BY id DESC LIMIT 1",
            target,
            SUPERSEDED,
        ):
            self._set(row, ACTIVE)

    def _set(self, row: Promotion, state: str) -> None:
        self._base.execute("UPDATE promotion SET state = ? WHERE id = ?", (state, row.id))

    def _rows(self, rest: str, *values: Any) -> list[Promotion]:
        found = self._base.execute(f"SELECT {_COLUMNS} FROM promotion {rest}", values).fetchall()
        return [_promotion(row) for row in found]


def _active(known: list[ModelInfo]) -> ModelInfo:
    active = next((one for one in known if one.active and one.state == "ready"), None)
    if active is None:
        raise TryAgain("no model answers yet", retry_after=1.0)
    return active


def _passed(card: ModelCard, active: ModelInfo) -> Verdict:
    """Return the latest verdict against what answers now. Raises `PermissionDenied`."""
    beside = [one for one in card.verdicts if one.baseline in (active.name, active.target)]
    if not beside:
        raise PermissionDenied(
            f"{card.name} was not compared with {active.name}, which answers now: "
            "evaluate it, or overrule the gate"
        )
    if not beside[-1].passed:
        why = beside[-1].reason or "it did not pass"
        raise PermissionDenied(f"{card.name} beside {active.name}: {why}")
    return beside[-1]


def _promotion(row: tuple[Any, ...]) -> Promotion:
    verdict = None if row[6] is None else Verdict(**json.loads(row[6]))
    return Promotion(
        id=row[0], time=row[1], target=row[2], previous=row[3], share=row[4], state=row[5],
        verdict=verdict,
    )  # fmt: skip
