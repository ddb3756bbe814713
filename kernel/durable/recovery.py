"""What the journal says of the processes of before.

Interface:
    recover         reads it, from the last census on
    Recovered       which processes there were, and what was damaged
    Former          one of them
    read_story      a durable process's story
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from ...syscalls.codec import unpack
from ...syscalls.errors import InputOutputError
from ..agents import KEPT
from ..journal.census import CENSUS, Census, place, where
from ..journal.reader import Damage, Reader, segment
from ..journal.record import Damaged, Kind
from ..journal.writer import POINTER, name_of, segments
from .story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A process of before, which nobody has forgotten."""

    pid: int
    #: Of the record of its start.
    begun: float
    #: What was ordered, and for a durable one what it takes to start it again.
    order: dict[str, Any]
    #: When, with which code and why it ended; None where the kernel ended before it.
    end: tuple[float, int, str] | None
    #: What the record of its end tells besides.
    left: dict[str, Any] = field(default_factory=dict)
    #: How often it was started, for one that has ended.
    incarnation: int = 1
    #: What a durable one has done, None for one that does not run again.
    story: Story | None
    #: Why a durable one cannot run again, where that is so.
    lost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was found."""

    census: Census
    processes: list[Former] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)


def recover(folder: Path) -> Recovered:
    """Read what has become of every process. Raises `InputOutputError` for what cannot be read.

    A file's torn end is passed by, and damage is reported: what it concerns is not known.
    """
    census, damage = Census(), list[Damage]()
    begin = _last_census(folder, census)
    files = segments(folder)
    if files:
        # The last census may be older than the last look at what can go.
        census.forget(int(files[0].stem))
    for path in files:
        number = int(path.stem)
        if number < begin[0]:
            continue
        start = begin[1] if number == begin[0] else 0
        for offset, record in segment(path, start, damage.append):
            if record.kind is Kind.MARK and record.outcome == CENSUS:
                continue  # What it says was noted one by one.
            census.note(record, place(number, offset))
    census.thin(KEPT)
    former = [one for one in _former(folder, census, damage) if one is not None]
    return Recovered(census=census, processes=former, damage=damage)


def _last_census(folder: Path, census: Census) -> tuple[int, int]:
    """Load the last census that is whole; return from which file and offset on to read."""
    with suppress(OSError, ValueError, Damaged, KeyError, TypeError):
        number, offset = map(int, (folder / POINTER).read_text().split())
        with Reader(folder) as reader:
            record = reader.read(place(number, offset))
        if record.outcome == CENSUS:
            census.load(msgpack.unpackb(record.body, strict_map_key=False))
            return number, offset
    return 0, 0


def _former(folder: Path, census: Census, damage: list[Damage]) -> Iterator[Former | None]:
    with Reader(folder) as reader:
        for pid, life in census:
            try:
                start = reader.read(life.start)
                end = None if life.end is None else reader.read(life.end)
                story = lost = None
                if life.story is not None:
                    try:
                        story = _told(pid, reader, life.story)
                        story.damaged |= any(not one.torn for one in damage)
                    except (OSError, Damaged) as error:
                        lost = f"its record is damaged: {error}"
                yield Former(
                    pid=pid,
                    begun=start.time,
                    order=unpack(start.body),
                    end=None if end is None else (end.time, int(end.outcome), unpack(end.body)),
                    left={} if end is None else end.notes.get("left", {}),
                    incarnation=1 if end is None else end.incarnation,
                    story=story,
                    lost=lost,
                )
            except (OSError, Damaged, ValueError) as error:
                number, offset = where(life.start)
                path = folder / name_of(number)
                reason = f"process {pid} cannot be read: {error}"
                damage.append(Damage(path=path, offset=offset, size=0, torn=False, reason=reason))


def read_story(folder: Path, pid: int, places: Iterable[int]) -> Story:
    """Return a durable process's story. Raises `InputOutputError`."""
    try:
        with Reader(folder) as reader:
            return _told(pid, reader, places)
    except (OSError, Damaged) as error:
        raise InputOutputError(f"the journal of process {pid} cannot be read: {error}") from error


def _told(pid: int, reader: Reader, places: Iterable[int]) -> Story:
    story = Story(pid)
    for at in places:
        story.add(reader.read(at))
    return story
