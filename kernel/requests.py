"""What processes ask of others: a call, more items of a stream, or that a call be taken back.

Interface:
    Requests        `on_request`, `on_credit` and `on_cancel`, for the trap
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..syscalls.errors import Cancelled, ProtocolError
from ..syscalls.message import INITIAL_CREDIT, VERSION, Kind
from .call import CallTable
from .ending import Ending
from .process import ControlBlock

#: Items that a consumer may ask for ahead of what it has been sent.
MAX_CREDIT = 16 * INITIAL_CREDIT


class Requests:
    """Takes the frames of callers; a durable one that runs again hears of its record first."""

    def __init__(
        self,
        *,
        calls: CallTable,
        ending: Ending,
        enter: Callable[[ControlBlock, list[Any], bytes], None],
    ) -> None:
        self._calls = calls
        self._ending = ending
        self._enter = enter

    def on_request(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        """Let a request become a call."""
        if len(header) < 7 or type(header[3]) is not str:
            raise ProtocolError(
                "a request is version, kind, call, syscall, deadline, trace, behalf"
            )
        if (durable := origin.durable) is not None:
            durable.asked += 1
            body = durable.altered(header, body)
            if durable.replay is not None:
                durable.replay.ask(header, body)
                return
        self._enter(origin, header, body)

    def on_credit(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        """Tell a stream's provider how many more items its consumer takes."""
        if len(header) < 4 or type(header[3]) is not int or header[3] < 1:
            raise ProtocolError("a credit without a positive count")
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if call is None or call.provider is None or call.provider.connection is None:
            return
        granted = min(header[3], MAX_CREDIT - call.credit)
        if granted > 0:
            call.credit += granted
            call.provider.connection.send((VERSION, Kind.CREDIT, call.number, granted))

    def on_cancel(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        """End a call that its origin wants no more."""
        if origin.durable is not None and origin.durable.replay is not None:
            origin.durable.replay.cancel(header[2])
            return
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if call is not None:
            call.taken_back = origin.durable is not None
            self._ending.abandon(call, Cancelled())
