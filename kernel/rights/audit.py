"""The audit: who asked for what, and what allowed or refused it, as the journal has it.

Interface:
    Wanted          which calls somebody wants to see
    Audit           `read`, off the event loop
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...syscalls.rights import Audited
from ..capability import Capability
from ..journal.record import MAX_BODY, Damaged, Kind, Record, Torn, decode
from ..journal.writer import segments
from ..shown import decoded, line
from .notes import APPROVER, GRANT, WHO

#: Seconds between two looks at a journal that is followed, and bytes that are read at once.
EVERY, CHUNK = 0.2, 4 * 1024 * 1024
#: Characters of a text that is shown.
LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls somebody wants to see."""

    pid: int | None = None
    principal: str | None = None
    capability: Capability | None = None
    denied: bool = False
    since: float = 0.0

    def takes(self, one: Audited) -> bool:
        """Whether a call is among them."""
        return (
            one.time >= self.since
            and (self.pid is None or self.pid in (one.pid, one.by))
            and (self.principal is None or one.principal == self.principal)
            and (not self.denied or one.outcome == "EPERM")
            and (self.capability is None or self.capability.concerns(one.syscall, one.subject, {}))
        )


class Audit:
    """Reads the whole journal, also what earlier daemons have written."""

    def __init__(
        self, folder: Path, flush: Callable[[], None], subject: Callable[[str], str | None]
    ) -> None:
        """`subject`: which argument of a syscall says what it is about."""
        self._folder = folder
        self._flush = flush
        self._subject = subject

    async def read(self, wanted: Wanted, follow: bool) -> AsyncIterator[Audited]:
        """Yield what is wanted, the oldest first, and with `follow` for ever."""
        place: dict[Path, int] = {}
        while True:
            self._flush()
            found, more = await asyncio.to_thread(self._next, place, wanted)
            for one in found:
                yield one
            if more:
                continue
            if not follow:
                return
            await asyncio.sleep(EVERY)

    def _next(self, place: dict[Path, int], wanted: Wanted) -> tuple[list[Audited], bool]:
        """Read on from where each file was left; say whether there is more at once."""
        for path in segments(self._folder):
            at = place.setdefault(path, 0)
            try:
                about = path.stat()
                if about.st_mtime < wanted.since or about.st_size <= at:
                    continue
                with path.open("rb") as file:
                    file.seek(at)
                    buffer = file.read(max(CHUNK, _length(file, at)))
            except OSError:
                continue
            found, read = self._records(buffer, wanted)
            place[path] = at + read
            if read:
                return found, True
        return [], False

    def _records(self, buffer: bytes, wanted: Wanted) -> tuple[list[Audited], int]:
        found, offset = [], 0
        while offset < len(buffer):
            try:
                record, offset = decode(buffer, offset)
            except Torn:  # Perhaps the rest of it is on its way.
                break
            except Damaged as error:
                offset = sys.maxsize if error.end is None else error.end
                continue
            if record is not None and record.kind is Kind.CALL:
                one = self._audited(record)
                if wanted.takes(one):
                    found.append(one)
        return found, offset

    def _audited(self, record: Record) -> Audited:
        principal, name = record.notes.get(WHO) or ("", "")
        reason = None
        if record.outcome != "ok" and not record.hashed:
            said = decoded(record.body)
            reason = line(str(said[0]), LONGEST) if isinstance(said, list) and said else None
        key = self._subject(record.syscall)
        arguments = decoded(record.arguments) if key and record.arguments else None
        subject = arguments.get(key) if isinstance(arguments, dict) and key else None
        return Audited(
            time=record.time,
            pid=record.pid,
            principal=principal,
            name=line(name, LONGEST),
            by=record.origin or None,
            syscall=record.syscall,
            subject=line(subject, LONGEST) if isinstance(subject, str) else None,
            outcome=record.outcome,
            grant=record.notes.get(GRANT),
            reason=reason,
            approver=record.notes.get(APPROVER),
        )


def _length(file: Any, at: int) -> int:
    """Return the bytes of the record that stands here; the file stays where it is."""
    head = file.read(8)
    file.seek(at)
    return 8 + min(int.from_bytes(head[:4]), MAX_BODY)
