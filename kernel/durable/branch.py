"""A process's record up to one of its calls, for another process to go on from.

Interface:
    Branch          what a process was ordered as, and its records up to a call
    branch          reads it from the journal
    renumbered      the records of a process that has no numbers of its own for its calls
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...syscalls.codec import unpack
from ...syscalls.errors import InvalidArgument, NotFound
from ..journal.census import DURABLE
from ..journal.reader import Damage, segment
from ..journal.record import Kind, Record
from ..journal.writer import segments
from .story import RIGHTS

#: Of records that tell of a process's calls.
_OF_CALLS = frozenset({Kind.INTENT, Kind.CALL, Kind.ITEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Where another process may go on."""

    #: What the first process was ordered as; its start's record has it.
    order: dict[str, Any]
    #: Whether its record is that of a durable process, and so whole.
    durable: bool
    #: Of its calls, in their order.
    records: list[Record]
    #: Where what a stranger may have written has reached it from.
    taints: tuple[str, ...] = ()
    #: What it may ask for since something was taken from it; None where nothing was.
    rights: list[str] | None = None
    #: How it ended: its exit code; None where it has not.
    code: int | None = None
    #: Whether the journal is damaged where records of it might have stood.
    damaged: bool = False


def branch(folder: Path, pid: int, at: int | None = None, first: int = 0) -> Branch:
    """Return a process's record up to its `at`-th call, from a file on; None for all of it.

    Raises `NotFound` for a process that the journal does not know, and `InvalidArgument` where it
    has made fewer calls, or a result was too long to be kept.
    """
    start: Record | None = None
    found: list[Record] = []
    code: int | None = None
    taints: tuple[str, ...] = ()
    rights: list[str] | None = None
    damage: list[Damage] = []
    for record in _of(folder, pid, first, damage.append):
        taints = tuple(record.notes.get("taints", taints))
        if record.kind is Kind.START:
            start = record
        elif record.kind is Kind.EXIT:
            code = int(record.outcome)
        elif record.kind is Kind.MARK and record.outcome == RIGHTS:
            rights = unpack(record.body)
        elif record.kind in _OF_CALLS:
            found.append(record)
    if start is None:
        raise NotFound(f"the journal knows no process {pid}")
    durable = start.outcome == DURABLE
    kept = [one for one in (found if durable else renumbered(found)) if one.ask]
    made = max((one.ask for one in kept), default=0)
    if at is not None:
        if not 0 <= at <= made:
            raise InvalidArgument(f"process {pid} has made {made} calls, not {at}")
        kept = [replace(one, asked=min(one.asked, at)) for one in kept if one.ask <= at]
    lost = next((one for one in kept if one.hashed), None)
    if lost is not None:
        raise InvalidArgument(
            f"call {lost.ask} of process {pid}, {lost.syscall}: its result was not kept; of a "
            "durable process all are"
        )
    return Branch(
        order=unpack(start.body),
        durable=durable,
        records=kept,
        taints=taints,
        rights=rights,
        code=code,
        damaged=any(not one.torn for one in damage),
    )


def renumbered(records: list[Record]) -> Iterator[Record]:
    """Yield a plain process's own calls by their order; each is taken to have waited for the one
    before, unless it ended later."""
    highest = 0
    for one in records:
        if one.origin or not one.seq:
            continue
        highest = max(highest, one.seq)
        yield replace(one, ask=one.seq, asked=highest)


def _of(
    folder: Path, pid: int, first: int, on_damage: Callable[[Damage], None]
) -> Iterator[Record]:
    for path in segments(folder):
        if int(path.stem) >= first:
            for _, record in segment(path, 0, on_damage):
                if record.pid == pid:
                    yield record
