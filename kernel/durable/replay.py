"""Running a process again along its record.

Its calls come by its own numbers, and are told what the record says: in the recorded order, and
each thing no sooner than the process had made as many calls as when it heard of it the first time.
So whatever it runs beside each other takes the same turns. What the record knows nothing of waits
until all has been told, and is then made.

Interface:
    Replay          `ask`, `cancel`, `learn`; `load` its story
    Live            what it needs of the kernel
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...syscalls.codec import pack
from ...syscalls.errors import Diverged
from ...syscalls.message import VERSION, Kind
from ..journal.record import Record, digest
from .story import Story, Told, heard

#: Seconds for which a process may make none of the calls that its record has next, besides twice
#: what it took the first time.
PATIENCE = 30.0


#: The digest of arguments that are not to be guessed at by it: of those, any will do.
UNKNOWN = digest(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a replay asks of the kernel."""

    #: Send the process a frame.
    send: Callable[[tuple[Any, ...], bytes], None]
    #: Make a call that the record knows nothing of.
    make: Callable[[list[Any], bytes], None]
    #: Answer a call whose effect may have happened; it went out at that time.
    doubt: Callable[[list[Any], bytes, float], None]
    #: Let the process hear of a call that an earlier incarnation has made and that is still on its
    #: way; whether there is one. Raises `Diverged` for another one.
    adopt: Callable[[list[Any], bytes], bool]
    #: Make a call that the record may have known of where it is damaged now, up to that time.
    suspect: Callable[[list[Any], bytes, float], None]
    #: The stream of a call was cut.
    cut: Callable[[list[Any], bytes], None]
    #: The process has left its record: why.
    diverged: Callable[[str], None]
    #: All has been told.
    done: Callable[[], None]


class Replay:
    """One incarnation's way along the record."""

    def __init__(self, live: Live, reached: int = 0, until: float = 0.0) -> None:
        """`reached`: how many calls an earlier incarnation is known to have made, `until` when."""
        self._live = live
        self._reached = reached
        self._until = until
        self._story: Story | None = None
        self._learnt: list[Record] = []  # until the story is there
        self._early: list[tuple[list[Any], bytes]] = []  # likewise
        self._open: set[int] = set()  # asked, and the end not told yet
        self._held: dict[int, tuple[list[Any], bytes]] = {}  # what the record cannot answer
        self._asked = 0
        self._over = False
        self._seen, self._idle = -1, 0.0  # calls at the last look, and seconds without a new one
        #: Calls that were answered from the record.
        self.told = 0
        self._last = float("inf")  # when, the first time, it began or was told what it was last

    def load(self, story: Story) -> None:
        """Take the story, and whatever the process has asked meanwhile."""
        for record in self._learnt:
            story.add(record)
        self._story = story
        self._reached = max(self._reached, *story.calls, story.reached)
        self._until = max(self._until, story.latest)
        self._last = self._last if story.began is None else story.began
        for header, body in self._early:
            self._take(header, body)
        self._early.clear()
        self._tell()

    def ask(self, header: list[Any], body: bytes) -> None:
        """Take a request of the process."""
        if self._story is None:
            self._early.append((header, body))
        elif not self._over:
            self._take(header, body)
            self._tell()

    def cancel(self, number: int) -> None:
        """The process takes a call back."""
        self._open.discard(number)
        self._held.pop(number, None)

    def learn(self, record: Record) -> None:
        """A call that an earlier incarnation has made has come to its end."""
        if self._story is None:
            self._learnt.append(record)
        else:
            self._story.add(record)
            if (asked := self._held.pop(record.ask, None)) is not None:
                self._match(*asked)
            self._tell()

    def stalled(self, seconds: float) -> str | None:
        """Say which call a process owes that waits for answers and has made none since the last
        look, so many seconds ago; None while all is well.

        It has as long as it took the first time, twice, beside those seconds.
        """
        story, waits = self._story, bool(self._open or self._held)
        if story is None or self._over or not waits or self._asked != self._seen:
            self._seen, self._idle = self._asked, 0.0
            return None
        self._idle += seconds
        took = max((story.told[0].time if story.told else self._until) - self._last, 0.0)
        if self._idle < seconds + 2 * took:
            return None
        return f"it waits after call {self._asked}, and recorded are {self._reached}"

    def rest(self) -> str | None:
        """Return what of the record is left, for one that has ended; None where nothing is."""
        story = self._story
        if story is None or self._over:
            return None
        missing = [number for number in sorted(story.calls) if number > self._asked]
        if not missing:
            return None
        what = story.calls[missing[0]].syscall
        return f"it ended after call {self._asked}; recorded is call {missing[0]}, {what}"

    def _take(self, header: list[Any], body: bytes) -> None:
        self._asked += 1
        self._match(header, body)

    def _match(self, header: list[Any], body: bytes) -> None:
        """Find what the record knows of a request."""
        assert self._story is not None
        number, name = header[2], header[3]
        known = self._story.calls.get(number)
        same = known is not None and known.digest in (digest(body), UNKNOWN)
        if known is not None and not (same and known.syscall == name):
            what = name if known.syscall != name else f"{name} with other arguments"
            self._diverge(number, f"call {number} is {what}; recorded is {known.syscall}")
        elif known is None or not self._answers(number):
            self._held[number] = (header, body)
        else:
            self._open.add(number)

    def _diverge(self, number: int, reason: str) -> None:
        self._over = True
        error = Diverged(reason)
        body = pack([error.message, error.details])
        self._live.send((VERSION, Kind.ERROR, number, error.code), body)
        self._live.diverged(reason)

    def _answers(self, number: int) -> bool:
        """Whether the record will say how a call has ended, or that its process took it back."""
        assert self._story is not None
        if number in self._story.doubtful or number in self._story.cut:
            # Items of a stream that was cut are told, and then how it ended.
            self._open.add(number)
            return False
        return True

    def _tell(self) -> None:
        story = self._story
        assert story is not None
        while not self._over and story.told:
            told = story.told[0]
            if self._asked < max(told.asked, told.ask):
                return
            story.told.popleft()
            self._say(told)
        # One that was on its way when the process died is to be asked for again.
        if not self._over and self._asked >= self._reached:
            self._finish(story)

    def _say(self, told: Told) -> None:
        self._last = told.time
        if not heard(told) or told.ask not in self._open:
            return
        if told.item:
            self._live.send((VERSION, Kind.ITEM, told.ask), told.body)
            return
        self._open.discard(told.ask)
        self.told += 1
        if told.outcome == "ok":
            self._live.send((VERSION, Kind.REPLY, told.ask, None), told.body)
        else:
            self._live.send((VERSION, Kind.ERROR, told.ask, told.outcome), told.body)

    def _finish(self, story: Story) -> None:
        """Go on without a record: what waits is made, in the order in which it was asked."""
        self._over = True
        self._live.done()
        for number, (header, body) in list(self._held.items()):
            try:
                if self._live.adopt(header, body):
                    continue
            except Diverged as error:
                self._diverge(number, error.message)
                break
            if (since := story.doubtful.get(number)) is not None:
                self._live.doubt(header, body, since)
            elif story.damaged and number <= self._reached:
                self._live.suspect(header, body, story.latest)
            elif number in story.cut:
                self._live.cut(header, body)
            else:
                self._live.make(header, body)
        self._held.clear()
