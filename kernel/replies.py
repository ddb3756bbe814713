"""What providers say of the calls that they serve.

Interface:
    Replies         `on_reply`, `on_error`, `on_item` and `on_signal`, for the trap
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..syscalls.errors import ProtocolError, QuotaExceeded, TooBig
from ..syscalls.message import VERSION, Kind, Signal
from .call import Call, CallTable
from .devices import DeviceTable
from .ending import Ending
from .ledger import Ledger
from .process import ControlBlock
from .recorder import Recorder
from .taint import Taint


class Replies:
    """Takes the frames of providers. What is said of a call that has ended meanwhile, or that
    somebody else serves, is passed by."""

    def __init__(
        self,
        *,
        calls: CallTable,
        devices: DeviceTable,
        ledger: Ledger,
        ending: Ending,
        taint: Taint,
        recorder: Recorder,
        clock: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._devices = devices
        self._ledger = ledger
        self._ending = ending
        self._taint = taint
        self._recorder = recorder
        self._clock = clock
        #: Takes secrets out of what is answered.
        self.redact: Callable[[bytes], bytes] = lambda body: body
        #: Given a letter that was taken for a call which has ended meanwhile.
        self.too_late: Callable[[Call, bytes], None] = lambda call, letter: None

    def on_reply(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        """End a call with its result."""
        if (call := self._served(provider, header[2])) is not None:
            if call.syscall.traits.untrusted and not call.answered:
                self._taint.read(call)
            self._ending.answer(call, self.redact(body), _usage(header, 3))
        elif (call := self._given_up(provider, header[2])) is not None:
            self.too_late(call, body)

    def on_error(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        """End a call with its error."""
        if len(header) < 4 or type(header[3]) is not str:
            raise ProtocolError("an error without its code")
        if (call := self._served(provider, header[2])) is not None:
            self._ending.refuse(call, header[3], self.redact(body), _usage(header, 4))
        else:
            self._given_up(provider, header[2])

    def on_item(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        """Pass on an item of a stream."""
        call = self._served(provider, header[2])
        if call is None or call.answered or call.origin.connection is None:
            return
        call.credit -= 1
        body = self.redact(body)
        if call.syscall.traits.untrusted:
            self._taint.read(call)
        if call.origin.durable is not None:
            self._recorder.item(call, body)
        self._ending.in_turn(call.origin, lambda: self._pass(call, body))

    def _pass(self, call: Call, body: bytes) -> None:
        origin = call.origin
        if origin.connection is None or call.incarnation != origin.incarnation:
            return
        try:
            origin.connection.send((VERSION, Kind.ITEM, call.origin_number), body)
        except TooBig as error:
            self._ending.abandon(call, error)

    def on_signal(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        """Charge or taint whoever a call is made for."""
        name, said = (*header[3:5], None, None)[:2]
        call = self._served(origin, header[2])
        if name == Signal.TAINT and type(said) is str:
            if call is not None and not call.answered:
                self._taint.mark(call.process, said)
        elif name == Signal.USAGE and type(said) is dict:
            if call is not None:
                self._charge(call, said)
        elif name != Signal.PONG:  # That one says all by having arrived.
            raise ProtocolError("a kernel hears PONG, USAGE with a map and TAINT with a text")

    def _charge(self, call: Call, used: dict[str, Any]) -> None:
        try:
            self._ledger.charge(call, used)
        except QuotaExceeded as error:
            self._ending.abandon(call, error)
        if (kind := call.syscall.traits.device) is not None:
            self._devices.of(kind).queue.charge(call.number, call.used, self._clock())

    def _given_up(self, provider: ControlBlock, number: int) -> Call | None:
        """Take the call for a letter, where this is one that was given up."""
        call = self._ending.given_up.get(number)
        if call is None or call.provider is not provider:
            return None
        return self._ending.given_up.pop(number)

    def _served(self, provider: ControlBlock, number: int) -> Call | None:
        """Return the call, or None when it has ended meanwhile or is not this process's."""
        call = self._calls.get(number)
        return call if call is not None and call.provider is provider else None


def _usage(header: list[Any], place: int) -> dict[str, Any] | None:
    """Return what a call has used; fields after the known ones are a newer peer's affair."""
    used = header[place] if len(header) > place else None
    return used if type(used) is dict else None
