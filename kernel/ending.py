"""A call's end: its slot freed, its budget settled, its outcome recorded, and one answer sent.

Interface:
    Ending          `answer`, `fail`, `refuse`, `abandon`, `orphan` and `attempt`; nothing else
                    ends a call
    send_error      an error frame
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..syscalls.codec import pack
from ..syscalls.errors import InDoubt, Internal, LLMAgentOSError, TooBig
from ..syscalls.message import VERSION, Kind
from .approvals import Approvals
from .call import Call, CallTable
from .devices import DeviceTable
from .ledger import Ledger
from .process import ControlBlock
from .recorder import Recorder
from .registry import Registry
from .shortage import Shortage
from .tenancy import Tenants

#: How often a repeatable call is handed to a provider that dies over it.
MAX_ATTEMPTS = 2
#: What takes a letter, which nobody else has where its call has ended before its answer.
TAKES = "ipc.recv"


class Ending:
    """Closes calls."""

    def __init__(
        self,
        *,
        registry: Registry,
        calls: CallTable,
        devices: DeviceTable,
        ledger: Ledger,
        recorder: Recorder,
        tenants: Tenants,
        clock: Callable[[], float],
        approvals: Approvals,
        shortage: Shortage,
        doubt: Callable[[Call], None],
    ) -> None:
        #: Calls answered since the start.
        self.count = 0
        self._registry = registry
        self._calls = calls
        self._devices = devices
        self._ledger = ledger
        self._recorder = recorder
        self._tenants = tenants
        self._clock = clock
        self._approvals = approvals
        self._shortage = shortage
        #: Lets a call wait for a person whose effect may have happened.
        self._doubt = doubt
        #: Calls for a letter that were given up, until their provider says what it had for them.
        self.given_up: dict[int, Call] = {}

    def attempt(self, stage: Callable[[Call], None], call: Call) -> None:
        """Let a call take a stage; what refuses it is its answer."""
        try:
            stage(call)
        except LLMAgentOSError as error:
            self.fail(call, error)
        except Exception as error:
            text = f"{call.syscall.name} failed: {type(error).__name__}: {error}"
            self.fail(call, Internal(text))

    def answer(self, call: Call, body: bytes, usage: Mapping[str, Any] | None = None) -> None:
        """End a call with its result."""
        waits = self._close(call, "ok", body, usage)
        self._send(call, (VERSION, Kind.REPLY, call.origin_number, usage), body, waits)
        self._let_in(call)

    def fail(self, call: Call, error: LLMAgentOSError) -> None:
        """End a call with an error of the kernel's own."""
        if call.doubt is not None and not call.attempts and not call.taken_back:
            # Whatever keeps it from being done again: perhaps it was done the first time.
            error = InDoubt(f"the effect may or may not have happened; {error.message}")
        self.refuse(call, error.code, pack([error.message, error.details]))

    def refuse(
        self, call: Call, code: str, body: bytes, usage: Mapping[str, Any] | None = None
    ) -> None:
        """End a call with an error as it travels."""
        waits = self._close(call, code, body, usage)
        self._send(call, (VERSION, Kind.ERROR, call.origin_number, code), body, waits)
        self._let_in(call)

    def abandon(self, call: Call, error: LLMAgentOSError) -> None:
        """End a call for its origin, and take it back from whoever works on it.

        A device's slot and the reserved budget stay taken until the driver has let go.
        """
        if call.answered:
            return
        provider = call.provider
        if provider is None or provider.connection is None:
            self.fail(call, error)
            return
        provider.connection.send((VERSION, Kind.CANCEL, call.number))
        if call.syscall.name == TAKES:
            self.given_up[call.number] = call
        if call.syscall.traits.device is None:
            self.fail(call, error)
        else:
            self._calls.detach(call)
            body = b"" if call.taken_back else pack([error.message, error.details])
            self._recorder.ended(call, error.code, body)
            origin, number = call.origin, call.origin_number
            self.in_turn(origin, lambda: send_error(origin, number, error))

    def orphan(self, call: Call) -> None:
        """Send a lost provider's call again where that does no harm, or end it honestly."""
        traits = call.syscall.traits
        again = traits.idempotent and not traits.stream and call.attempts < MAX_ATTEMPTS
        if not again or call.answered or not self._registry.expected(call.syscall.name):
            error = call.lost()
            if isinstance(error, InDoubt) and call.asks() and traits.device is None:
                self._take_back(call)
                self._doubt(call)
            else:
                self.fail(call, error)
            return
        self._recorder.settled(call)
        call.used = {}  # It is charged for both, and each counts from 0.
        if traits.device is None:
            self._calls.park(call)
        else:
            call.provider = None
            self._devices.of(traits.device).queue.requeue(call.number, self._clock())
            self._let_in(call)

    def _take_back(self, call: Call) -> None:
        """Let a call stand as if it had not gone out, but for what it has used."""
        self._recorder.settled(call)
        self._ledger.commit(call, None, False)
        self._shortage.settled(call)
        call.provider = call.reservation = None
        call.used, call.attempts, call.intended = {}, 0, False

    def _close(self, call: Call, code: str, body: bytes, usage: Mapping[str, Any] | None) -> bool:
        """Forget a call, free what it held, and record its outcome, in this order: whatever a
        recorder may do, no slot and no budget stays taken. Returns whether the answer has to wait
        until the record is safe."""
        self.count += 1
        if call.approval:
            self._approvals.forget(call)
        self._calls.remove(call)
        self._ledger.commit(call, usage, code == "ok")
        if (kind := call.syscall.traits.device) is not None:
            device, now = self._devices.of(kind), self._clock()
            if call.provider is None:
                device.queue.cancel(call.number, now)
            else:
                device.finish(call.number, call.used, now)
        if call.process.tenancies:
            self._tenants.ended(call)
        if call.answered:
            self._recorder.settled(call)
            return False
        return self._recorder.ended(call, code, b"" if call.taken_back else body)

    def _let_in(self, call: Call) -> None:
        if (kind := call.syscall.traits.device) is not None:
            self._devices.on_free(self._devices.of(kind))
        self._shortage.settled(call)

    def _send(self, call: Call, header: tuple[Any, ...], body: bytes, waits: bool) -> None:
        if not call.answered:
            self.in_turn(call.origin, lambda: self._tell(call, header, body), waits)

    def in_turn(self, origin: ControlBlock, tell: Callable[[], None], waits: bool = False) -> None:
        """Tell a process something: now, or once what was recorded is on the disk.

        A durable one is told everything in the order of its record, by which it is told again.
        """
        durable = origin.durable
        if not waits and (durable is None or not durable.held):
            tell()
            return
        if durable is not None:
            durable.held += 1

        incarnation = origin.incarnation

        def then(failure: str | None) -> None:
            # Whatever becomes of the disk: how the call has ended is so by now.
            if durable is not None:
                durable.held -= 1
            if origin.incarnation == incarnation:
                tell()

        self._recorder.after(then)

    @staticmethod
    def _tell(call: Call, header: tuple[Any, ...], body: bytes) -> None:
        if call.answered or call.origin.connection is None:
            return
        if call.incarnation != call.origin.incarnation:
            return  # It is told when it asks.
        try:
            call.origin.connection.send(header, body)
        except TooBig as error:
            # The provider's own header was shorter: its frame passed, ours would not.
            send_error(call.origin, call.origin_number, error)


def send_error(origin: ControlBlock, number: int, error: LLMAgentOSError) -> None:
    """Answer a request that is no call, or no call any more."""
    if origin.connection is not None:
        body = pack([error.message, error.details])
        origin.connection.send((VERSION, Kind.ERROR, number, error.code), body)
