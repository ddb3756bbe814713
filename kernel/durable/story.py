"""What a durable process has done and been told, as its records tell it.

Interface:
    Story           `add` its records, in their order
    Asked, Told     a call that it has made, and something that it was told
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ...syscalls.codec import unpack
from ...syscalls.ipc import Letter
from ..journal.record import Kind, Record

#: Marks of what a process is to have again, but for those of calls.
ANSWERS, RIGHTS, STEERED = "answers", "rights", "steered"
#: One whose record is damaged, up to which call at the least: of a fork, that of the first process.
DAMAGED = "damaged"
#: The outcome of a call that its own process has taken back; its body is empty then.
_TAKEN_BACK = "ECANCELED"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that the process has made."""

    syscall: str
    #: Of its arguments.
    digest: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the process was told."""

    #: By its own number, the call that it was told of.
    ask: int
    #: How many calls it had made by then.
    asked: int
    #: Whether it is an item of a stream, and not the end of the call.
    item: bool
    outcome: str
    body: bytes
    #: Seconds since 1970.
    time: float


class Story:
    """A process's own calls by its own numbers, and what it was told, in that order."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.calls: dict[int, Asked] = {}
        self.told: deque[Told] = deque()
        #: Effects that went out, and when, of whose end nothing is known.
        self.doubtful: dict[int, float] = {}
        #: Streams that were cut.
        self.cut: set[int] = set()
        #: What it has used, and those below it that do not remember it themselves.
        self.used: dict[str, float] = {}
        self.taints: tuple[str, ...] = ()
        #: What people have answered for good, as it stands in the mark.
        self.answers: list[list[object]] = []
        #: Letters that it has not taken yet.
        self.letters: deque[Letter] = deque()
        #: What it may ask for since something was taken from it; None where nothing was.
        self.rights: list[str] | None = None
        #: Its rank, where somebody has changed it, and whether it is suspended.
        self.nice: int | None = None
        self.suspended = False
        self.incarnation = 1
        #: When it was started first, where that is known, and when it was last heard of.
        self.began: float | None = None
        self.latest = 0.0
        #: Whether records are missing that might have been its.
        self.damaged = False
        #: How many calls it has made at the least, where those are more than are recorded.
        self.reached = 0

    def add(self, record: Record) -> None:
        """Take the next record that tells of the process."""
        mine = record.pid == self._pid
        if mine or record.also == self._pid:
            for resource, amount in record.notes.get("used", {}).items():
                self.used[resource] = self.used.get(resource, 0.0) + amount
        if not mine:
            if record.syscall == "ipc.send":
                self._deliver(record)
            return
        self.incarnation = max(self.incarnation, record.incarnation)
        self.latest = max(self.latest, record.time)
        if record.kind is Kind.START:
            self.began = record.time
        if "taints" in record.notes:
            self.taints = tuple(record.notes["taints"])
        if record.kind is Kind.MARK and record.outcome == ANSWERS:
            self.answers = unpack(record.body)
        if record.kind is Kind.MARK and record.outcome == RIGHTS:
            self.rights = unpack(record.body)
        if record.kind is Kind.MARK and record.outcome == STEERED:
            self.nice, self.suspended = unpack(record.body)
        if record.kind is Kind.MARK and record.outcome == DAMAGED:
            self.damaged, self.reached = True, unpack(record.body)
        if record.also == self._pid and record.syscall == "ipc.send":
            self._deliver(record)  # It has written to itself.
        if record.ask:
            self._call(record)

    def _call(self, record: Record) -> None:
        ask = record.ask
        self.calls[ask] = Asked(record.syscall, record.digest)
        if record.kind is Kind.INTENT:
            self.doubtful[ask] = record.time
            return
        item = record.kind is Kind.ITEM
        if item:
            self.cut.add(ask)
        else:
            self.doubtful.pop(ask, None)
            self.cut.discard(ask)
            if record.syscall == "ipc.recv" and record.outcome == "ok" and self.letters:
                self.letters.popleft()
        self.told.append(Told(ask, record.asked, item, record.outcome, record.body, record.time))

    def _deliver(self, record: Record) -> None:
        said = unpack(record.arguments)
        self.letters.append(
            Letter(
                sender=record.pid,
                topic=None,
                body=said["body"],
                untrusted=bool(record.notes.get("untrusted")),
            )
        )


def heard(told: Told) -> bool:
    """Whether it is for the process to hear: what it has taken back itself is not."""
    return told.item or told.outcome != _TAKEN_BACK or bool(told.body)
