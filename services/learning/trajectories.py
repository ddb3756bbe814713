"""What agents did, read from the journal as episodes, and what they were worth.

An episode is read with its reader's own rights: an agent sees itself and what is below it.

Interface:
    Trajectories    `read` and `reward`, for the service
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable
from fnmatch import translate
from pathlib import Path

from ...syscalls.codec import pack
from ...syscalls.errors import InvalidArgument, NotFound, PermissionDenied
from ...syscalls.host import Host
from ...syscalls.learning import Deed, Episode, Reward
from ...syscalls.os import OS
from ...syscalls.process import Past, ProcessInfo
from ...syscalls.server import Caller
from .deeds import Reader
from .marks import Marks

#: Bytes after which an answer ends before its limit, and calls that are read at a time.
ANSWER, PAGE = 4 * 1024 * 1024, 500
#: Who gives rewards that a job works out by itself, not to be given by name.
RESERVED = frozenset({"outcome", "budget"})
#: Characters of a rewarder's name and of a note.
_BY, _NOTE = 64, 2000


class Trajectories:
    """Reads the journal on its callers' behalf, and owns the marks."""

    def __init__(self, host: Host, *, now: Callable[[], float] = time.time) -> None:
        self._os = host.os
        self._now = now
        host.state.mkdir(parents=True, exist_ok=True)
        self._marks = Marks(Path(host.state) / "marks.db")

    async def read(
        self,
        who: Caller,
        pids: list[int] | None = None,
        name: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[Episode]:
        """As `Learning.trajectories`. Raises `NotFound` for a pid that is not there, and
        `PermissionDenied` for an agent that asks for one that is neither itself nor below it."""
        os = self._os.on_behalf(who.call)
        chosen = (await self._chosen(os, who, pids, name, after))[:limit]
        pids = [one.pid for one in chosen]
        marks = await asyncio.to_thread(self._marks.of, who.principal, pids)
        found: list[Episode] = []
        # To read is itself a deed of whoever reads: one that reads itself would never end.
        begun, size = self._now(), 0
        for info in chosen:
            deeds, taken, whole = await _deeds(os, info.pid, ANSWER - size, begun)
            if not whole and found:
                break  # It begins the next answer.
            found.append(_episode(info, deeds, marks[info.pid], whole))
            size += taken
            if size >= ANSWER:
                break
        return found

    async def reward(
        self, who: Caller, pid: int, value: float, by: str | None = None, note: str | None = None
    ) -> None:
        """As `Learning.reward`. What an agent says is a verifier's word, not a person's."""
        if not math.isfinite(value):
            raise InvalidArgument(f"a reward is a finite number, not {value}")
        if by is not None and not (0 < len(by) <= _BY and by.isprintable()):
            raise InvalidArgument(f"a rewarder's name has 1 to {_BY} characters")
        if by in RESERVED:
            raise InvalidArgument(f"the reward {by!r} follows from the episode and is not given")
        if note is not None and len(note) > _NOTE:
            raise InvalidArgument(f"a note of {len(note)} characters; it may have {_NOTE}")
        os = self._os.on_behalf(who.call)
        if (await os.process.inspect(pid)).kind != "agent":
            raise NotFound(f"process {pid} is no agent, and has no episode")
        me = await os.process.inspect(who.pid)
        if me.kind == "agent":
            if await _descends(os, who.pid, pid):
                raise PermissionDenied("an agent rewards neither itself nor whom it works for")
            by = f"verifier {(by or me.name).removeprefix('verifier ')}"
        mark = Reward(pid=pid, value=value, by=by or who.principal, note=note, time=self._now())
        await asyncio.to_thread(self._marks.put, who.principal, mark)

    def close(self) -> None:
        """Close the marks."""
        self._marks.close()

    async def _chosen(
        self, os: OS, who: Caller, pids: list[int] | None, name: str | None, after: int
    ) -> list[ProcessInfo]:
        """Return the processes that are asked for, by pid."""
        if pids is not None:
            wanted = sorted({pid for pid in pids if pid > after})
            return [await os.process.inspect(pid) for pid in wanted]
        every = await os.process.ls(all=True)
        # Not through fnmatch itself, which keeps thousands of patterns for ever.
        called = re.compile(translate(name or "*")).match
        fits = [
            one for one in every if one.kind == "agent" and one.pid > after and called(one.name)
        ]
        if (await os.process.inspect(who.pid)).kind == "agent":
            # It may read what is below it; of the others it is not told at all.
            parents = {one.pid: one.parent for one in every}
            fits = [one for one in fits if _below(one.pid, who.pid, parents)]
        return sorted(fits, key=lambda one: one.pid)


async def _descends(os: OS, pid: int, ancestor: int) -> bool:
    """Whether a process is another one or was started below it."""
    at: int | None = pid
    while at is not None and at != ancestor:
        try:
            at = (await os.process.inspect(at)).parent
        except NotFound:
            return False
    return at is not None


def _below(pid: int, ancestor: int, parents: dict[int, int | None]) -> bool:
    at: int | None = pid
    while at is not None and at != ancestor:
        at = parents.get(at)
    return at is not None


async def _deeds(os: OS, pid: int, room: int, until: float) -> tuple[list[Deed], int, bool]:
    """Return a process's deeds up to a time, about how many bytes they take, and whether these are
    all: past `room` bytes there are no more of them."""
    reader, deeds, size, last = Reader(), list[Deed](), 0, 0
    while size <= room:
        page = await os.process.history(pid, after=last, limit=PAGE, whole=True)
        page = [one for one in page if one.time <= until]
        if not page:
            return deeds, size, True
        last = page[-1].seq
        new = await asyncio.to_thread(_read, reader, page)
        for deed, taken in new:
            size += taken
            if size > room and deeds:
                return deeds, size, False
            deeds.append(deed)
    return deeds, size, False


def _read(reader: Reader, page: list[Past]) -> list[tuple[Deed, int]]:
    deeds = [reader.deed(one) for one in page]
    return [(deed, len(pack(deed))) for deed in deeds]


def _episode(info: ProcessInfo, deeds: list[Deed], rewards: list[Reward], whole: bool) -> Episode:
    return Episode(
        pid=info.pid,
        name=info.name,
        program=info.program,
        task=info.task,
        principal=info.principal,
        started=info.started,
        ended=info.ended,
        exit_code=info.exit_code,
        usage=info.usage,
        deeds=deeds,
        rewards=rewards,
        reward=math.fsum(one.value for one in rewards) if rewards else None,
        whole=whole,
    )
