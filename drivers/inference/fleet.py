"""The devices that run at the moment, and which of them a call goes to.

By model first; then to the one that has served the call's process before, since it remembers what
the process has said (Preble; Srivatsa et al. 2024), unless another one has much less to do.
Texts to be embedded go to sentence models where there are any, and nothing else does. A share of
the processes that name no model may be another one's: by the pid, so that each stays with its own.

Interface:
    Fleet               places in order, the chosen one first; `route`, `holding`, `share`
    contextual, each    engines whose contexts are handles
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from ...syscalls.errors import DeviceError, InvalidArgument, NotFound, TryAgain
from .contract import ContextEngine
from .place import Place
from .tenure import Tenure

#: What memory of a process is worth, as a part of a device's slots.
AFFINITY = 0.25
#: Processes whose device is remembered.
REMEMBERED = 100_000


class Fleet:
    """Devices by order of their coming. The driver's event loop alone owns it."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        #: Those that take no more calls and still serve some.
        self.retiring: list[Tenure] = []
        self._last: OrderedDict[int, Tenure] = OrderedDict()  # by pid
        self._holding: dict[int, dict[int, Tenure]] = {}  # by pid, then by handle

    @property
    def tenures(self) -> list[Tenure]:
        """Those that run."""
        return [place.tenure for place in self.places if place.tenure is not None]

    @property
    def chosen(self) -> Place | None:
        """The one where calls that name no model go."""
        return next(iter(self._writers or self.places), None)

    @property
    def _writers(self) -> list[Place]:
        return [one for one in self.places if not one.choice.sentences]

    @property
    def slots(self) -> int:
        """Calls that they serve at once; none while all that hold conversations are being loaded.

        A sentence model comes up sooner, and what others are asked for is to wait for them. Where
        what was chosen cannot be loaded there is one all the same: callers are told so.
        """
        writers = self._writers
        if not any(one.tenure for one in writers) and not all(one.refused for one in writers):
            return 0
        served = sum(tenure.engine.slots for tenure in self.tenures)
        return max(served, 1) if writers and all(one.wrong for one in writers) else served

    @property
    def flags(self) -> list[str]:
        """What any of them can do."""
        return sorted({flag for tenure in self.tenures for flag in tenure.engine.flags})

    def find(self, target: str) -> Place | None:
        """Return the place of a target."""
        return next((one for one in self.places if target in _names(one)), None)

    def route(self, pid: int, model: str | None = None, flag: str | None = None) -> Tenure:
        """Return the device that a process's call goes to, of those that can do what `flag` says.

        Raises `NotFound` for a model that none runs, `DeviceError` where none runs at the moment,
        `InvalidArgument` where none can do it, `TryAgain` for a sentence model that is not there
        yet.
        """
        found = self.next(pid, model, [], flag)
        if found is not None:
            return found
        if flag == "embed" and len(self._writers) < len(self.places):
            # Vectors of another model would be of no use beside its own.
            raise TryAgain("the sentence model is not loaded yet", retry_after=1.0)
        chosen = self.chosen
        if chosen is not None and chosen.wrong:
            why = f"{chosen.choice.label} cannot be loaded: {chosen.failure}"
            raise DeviceError(f"{why}; `aos model use` chooses another one")
        running = self._running(pid, model, flag)
        if running and flag is None:
            name = running[0].name
            raise InvalidArgument(f"{name} is a sentence model: it holds no conversations")
        if flag is not None and running:
            raise InvalidArgument(f"no device here can {flag}: they only answer `chat`")
        raise DeviceError("no model is loaded")

    def next(
        self, pid: int, model: str | None, tried: list[Tenure], flag: str | None = None
    ) -> Tenure | None:
        """Return the device that a call goes to which those tried could not serve."""
        able = [
            one for one in self._running(pid, model, flag) if one not in tried and _able(one, flag)
        ]
        if not able:
            return None
        last = self._last.get(pid)
        chosen = min(able, key=lambda one: one.load - (AFFINITY if one is last else 0.0))
        if _able(chosen, "sentences"):
            return chosen  # which remembers nobody
        self._last[pid] = chosen
        self._last.move_to_end(pid)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return chosen

    def note(self, pid: int, handle: int, tenure: Tenure) -> None:
        """Remember where a process's context lies."""
        self._holding.setdefault(pid, {})[handle] = tenure

    def forget(self, pid: int, handle: int) -> None:
        """A context is closed."""
        self._holding.get(pid, {}).pop(handle, None)

    def holding(self, pid: int, handle: int) -> Tenure:
        """Return the device of a process's context. Raises `NotFound`."""
        tenure = self._holding.get(pid, {}).get(handle)
        if tenure is None:
            raise NotFound(f"there is no context {handle}")
        return tenure

    def gone(self, pid: int) -> None:
        """A process has ended, and its contexts with it."""
        self._last.pop(pid, None)
        self._holding.pop(pid, None)

    def drop(self, tenure: Tenure) -> None:
        """A device is there no more, nor what it held."""
        for pid in [pid for pid, one in self._last.items() if one is tenure]:
            del self._last[pid]
        for held in self._holding.values():
            for handle in [handle for handle, one in held.items() if one is tenure]:
                del held[handle]

    def share(self, place: Place, share: float) -> None:
        """Let a device serve a share of the processes that name no model; for all of it, it becomes
        the chosen one. Raises `InvalidArgument` where more than all is shared out."""
        others = [one for one in self.places if one is not place]
        if share == 1:
            for one in self.places:
                one.choice = replace(one.choice, share=0.0)
            self.places = [place, *others]
            return
        if place is self.chosen:
            raise InvalidArgument(f"{place.choice.label} serves what is not shared out")
        given = sum(one.choice.share for one in others)
        if given + share >= 1:
            raise InvalidArgument(f"{given:g} is shared out already: {share:g} more leaves nothing")
        place.choice = replace(place.choice, share=share)

    def portion(self, place: Place) -> float:
        """Return the share of the processes that it serves where they name no model."""
        if place is self.chosen:
            return 1 - sum(one.choice.share for one in self.places)
        return place.choice.share

    def _serving(self, pid: int) -> Place | None:
        """Return whose share a process that names no model falls into."""
        # The golden ratio's multiples lie evenly, however few pids there are (Knuth, 6.4).
        point = pid * 0.6180339887498949 % 1
        for place in self._writers[1:]:
            if point < place.choice.share and place.tenure is not None:
                return place
            point -= place.choice.share
        return self.chosen

    def _running(self, pid: int, model: str | None, flag: str | None) -> list[Tenure]:
        if model is None and flag == "embed" and len(self._writers) < len(self.places):
            return [one for one in self.tenures if _able(one, "sentences")]
        wanted = model
        if model is None:
            serving = self._serving(pid)
            if serving is None or serving.tenure is None:
                return [one for one in self.tenures if not _able(one, "sentences")]
            wanted = serving.tenure.name
        found = [one for one in self.places if wanted in _names(one)]
        if not found:
            known = ", ".join(sorted({one.name for one in self.tenures}))
            raise NotFound(f"no device runs the model {model!r}; there are {known or 'none'}")
        return [one.tenure for one in found if one.tenure is not None]


def contextual(tenure: Tenure) -> ContextEngine:
    """Return an engine whose contexts are handles."""
    return cast(ContextEngine, tenure.engine)


def each(tenures: list[Tenure]) -> Iterator[ContextEngine]:
    """Yield those engines whose contexts are handles."""
    for tenure in tenures:
        if "fork" in tenure.engine.flags:
            yield cast(ContextEngine, tenure.engine)


def _able(tenure: Tenure, flag: str | None) -> bool:
    """Say whether an engine can do what a flag says; without one, hold a conversation."""
    flags = tenure.engine.flags
    return "sentences" not in flags if flag is None else flag in flags


def _names(place: Place) -> set[str]:
    known = {place.choice.target, place.choice.label}
    return known if place.tenure is None else known | {place.tenure.name}
