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

from ...syscalls.errors import (
    AlreadyExists,
    InputOutputError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from ...syscalls.learning import ModelCard, Promotion, Verdict
from ...syscalls.model import ModelInfo
from ...syscalls.os import OS
from .database import Database

CANARY, ACTIVE = "canary", "active"
SUPERSEDED, ROLLED_BACK = "superseded", "rolled back"
#: Kinds of models that can answer.
ANSWERING = ("causal", "adapter")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS promotion (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, target TEXT NOT NULL,
    previous TEXT NOT NULL, share REAL NOT NULL, state TEXT NOT NULL, verdict TEXT);
"""
_COLUMNS = "id, time, target, previous, share, state, verdict"


class Promotions:
    """Owns the log of promotions. One change at a time."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._base = Database(path, _SCHEMA)
        self._now = now
        self._lock = asyncio.Lock()

    def close(self) -> None:
        """Close the log."""
        self._base.close()

    def ls(self, limit: int) -> list[Promotion]:
        """Return the promotions, the newest first. Blocking, for milliseconds, as `held`."""
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
        `PermissionDenied` without a passed verdict, `InputOutputError` where it cannot be noted,
        and what the device refuses it with; then everything is as it was.
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
            try:
                made, gone = await asyncio.to_thread(self._noted, made)
            except InputOutputError:
                await _back(os, known, card.target)
                raise
            for target in gone & running:
                await os.model.remove(target)
            return made

    async def rollback(self, os: OS) -> Promotion:
        """Take the last promotion back, also of a model that does not load; `os` has the rights of
        whoever asks.

        Raises `NotFound` where no model that answers was promoted, and `TryAgain` while the one
        before it is still loaded.
        """
        async with self._lock:
            known = await os.model.ls()
            chosen = next((one.target for one in known if one.active), None)
            states = {one.target: one.state for one in known if one.state != "available"}
            standing = "WHERE state IN (?, ?) ORDER BY id DESC"
            for row in await asyncio.to_thread(self._rows, standing, CANARY, ACTIVE):
                if row.state == ACTIVE and chosen == row.target:
                    if row.previous not in states:
                        await os.model.add(row.previous)
                    elif (state := states[row.previous]) != "ready":
                        raise TryAgain(f"{row.previous} is {state}", retry_after=1.0)
                    await os.model.share(row.previous, 1.0)
                elif row.state == ACTIVE or row.target not in states:
                    # Somebody has chosen another model since.
                    await asyncio.to_thread(self._set, row, SUPERSEDED)
                    continue
                await os.model.remove(row.target)
                await asyncio.to_thread(self._undone, row)
                return replace(row, state=ROLLED_BACK)
        raise NotFound("no model that answers now was promoted")

    def _noted(self, made: Promotion) -> tuple[Promotion, set[str]]:
        """Write a promotion down; return it with its number, and the targets that no rollback leads
        to any more."""
        gone: set[str] = set()
        verdict = None if made.verdict is None else json.dumps(asdict(made.verdict))
        with self._base.transaction():
            for row in self._rows("WHERE state IN (?, ?)", CANARY, ACTIVE):
                same = row.target == made.target
                if row.state == CANARY and (same or made.state == ACTIVE):
                    self._set(row, SUPERSEDED)
                    gone.add(row.target)
                elif row.state == ACTIVE and made.state == ACTIVE:
                    self._set(row, SUPERSEDED)
                    gone.add(row.previous)
            [(number,)] = self._base.rows(
                "INSERT INTO promotion (time, target, previous, share, state, verdict)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                made.time, made.target, made.previous, made.share, made.state, verdict,
            )  # fmt: skip
        return replace(made, id=number), gone - {made.target, made.previous}

    def _undone(self, undone: Promotion) -> None:
        """Note that a promotion was taken back; the one before it, which it had superseded, counts
        again."""
        with self._base.transaction():
            self._set(undone, ROLLED_BACK)
            before = "WHERE target = ? AND state = ? AND share = 1 ORDER BY id DESC LIMIT 1"
            if undone.state == ACTIVE:
                for row in self._rows(before, undone.previous, SUPERSEDED):
                    self._set(row, ACTIVE)

    def _set(self, row: Promotion, state: str) -> None:
        self._base.rows("UPDATE promotion SET state = ? WHERE id = ?", state, row.id)

    def _rows(self, rest: str, *values: Any) -> list[Promotion]:
        found = self._base.rows(f"SELECT {_COLUMNS} FROM promotion {rest}", *values)
        return [_promotion(row) for row in found]


def _active(known: list[ModelInfo]) -> ModelInfo:
    active = next((one for one in known if one.active), None)
    if active is None or active.state != "ready":
        why = f": {active.name} is {active.state}" if active else ""
        raise TryAgain(f"no model answers yet{why}", retry_after=1.0)
    return active


async def _back(os: OS, known: list[ModelInfo], target: str) -> None:
    """Let the models serve as they did, and the one that came to them no longer."""
    await os.model.share(_active(known).target, 1.0)
    ready = [one for one in known if one.state == "ready"]
    for one in ready:
        if one.share and not one.active:
            await os.model.share(one.target, one.share)
    if all(one.target != target for one in ready):
        await os.model.remove(target)


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
