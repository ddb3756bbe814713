"""The trap: the one place that every syscall passes, from its arrival to its answer.

Interface:
    Trap.attach(process, connection)    a process's frames come here from then on
    Trap.answer(interface, handlers)    the kernel itself answers these calls
    Trap.expire(now)                    end the calls whose deadline has passed

A call takes these stages, each of which may refuse it with an error of the table:

    identify → authorise → reserve budget → journal → queue → dispatch → commit → reply

The body stays opaque unless a capability's constraint or a budget needs a look at the arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..syscalls.codec import pack, unpack
from ..syscalls.connection import Connection
from ..syscalls.errors import (
    Cancelled,
    DeadlineExceeded,
    DeviceError,
    Internal,
    InvalidArgument,
    LLMAgentOSError,
    PermissionDenied,
    ProtocolError,
    TooBig,
    TryAgain,
)
from ..syscalls.interface import Interface
from ..syscalls.message import VERSION, Kind
from ..syscalls.table import Description
from .call import Call, CallTable
from .devices import DeviceTable, ManagedDevice
from .ledger import Ledger
from .policy.contract import Waiting
from .process import ControlBlock, State
from .recorder import NullRecorder, Recorder
from .registry import Handler, Registry

#: Calls that one process may have in flight; the next one is refused with EAGAIN.
MAX_IN_FLIGHT = 1024
#: Bytes that may wait for a provider that does not read; past it calls are refused with EAGAIN.
MAX_BACKLOG = 32 * 1024 * 1024
#: How often a repeatable call is handed to a provider that dies over it.
MAX_ATTEMPTS = 2
#: Seconds that a caller may ask for at most.
MAX_DEADLINE = 86_400.0


class Trap:
    """Carries calls between processes. Not thread-safe: one event loop owns it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        devices: DeviceTable | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        #: Every syscall that somebody answers.
        self.registry = Registry()
        #: What calls are queued for.
        self.devices = devices or DeviceTable()
        self.devices.on_free = self._admit
        #: Calls answered since the start.
        self.answered = 0
        #: Processes that have opened a session and may call on its behalf, by the session's pid.
        self.sessions: dict[int, tuple[ControlBlock, ControlBlock]] = {}
        self._clock = clock
        self._recorder = recorder or NullRecorder()
        self._ledger = Ledger()
        self._calls = CallTable()
        self._last_number = 0
        self._kinds = {
            Kind.REQUEST: self._on_request,
            Kind.REPLY: self._on_answer,
            Kind.ERROR: self._on_answer,
            Kind.ITEM: self._on_item,
            Kind.CREDIT: self._on_credit,
            Kind.CANCEL: self._on_cancel,
        }

    @property
    def pending(self) -> int:
        """How many calls are on their way."""
        return len(self._calls)

    def attach(self, process: ControlBlock, connection: Connection) -> None:
        """Take a process's connection: the connection is the identity from then on."""
        connection.owner = process
        process.connection = connection
        process.state = State.RUNNING

    def answer(self, interface: type[Interface], **handlers: Handler) -> None:
        """Let the kernel answer an interface: one plain function per method.

        A handler gets the calling process's control block first, then the checked arguments.
        Raises `Internal` where handlers and methods differ.
        """
        self.registry.answer(interface, handlers)

    def waiting_for(self, process: ControlBlock) -> list[str]:
        """Return the names of the syscalls that a process waits for."""
        return [call.syscall.name for call in self._calls.of_origin(process)]

    def provide(self, process: ControlBlock, described: list[Description]) -> None:
        """Let a process answer syscalls; the calls that waited for it go out.

        Raises `AlreadyExists` and `InvalidArgument` as `Registry.provide` does.
        """
        self.registry.provide(process, described)
        for one in described:
            for call in self._calls.parked(one.name):
                self._try(self._dispatch, call)

    def on_frame(self, connection: Connection, header: list[Any], body: bytes) -> None:
        """Take one frame. Raises `ProtocolError` for one that nobody may send to a kernel."""
        handle = self._kinds.get(header[1])
        if handle is None or connection.owner is None:
            raise ProtocolError(f"a kernel takes no message of kind {header[1]}")
        handle(connection.owner, header, body)

    def on_lost(self, connection: Connection) -> None:
        """End what a lost process had in flight, as a caller and as a provider."""
        process: ControlBlock | None = connection.owner
        if process is None:
            return
        process.connection = None
        for call in self._calls.of_origin(process):
            self._abandon(call, Cancelled())
        self.registry.withdraw(process)
        self.devices.withdraw(process)
        for call in self._calls.orphaned(process):
            self._orphan(call)

    def expire(self, now: float | None = None) -> None:
        """End every call whose deadline lies before `now` (the clock's time by default)."""
        for call in self._calls.expired(self._clock() if now is None else now):
            name = call.syscall.name
            why = "" if self.registry.provider(name) else "; nobody answers it at present"
            self._abandon(call, DeadlineExceeded(f"{name} had no answer in time{why}"))

    # The stages, in their order.

    def _on_request(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        if len(header) < 7 or type(header[3]) is not str:
            raise ProtocolError(
                "a request is version, kind, call, syscall, deadline, trace, behalf"
            )
        try:
            call = self._identify(origin, header, body)
        except LLMAgentOSError as error:
            _send_error(origin, header[2], error)
            return
        self._try(self._pass, call)

    def _pass(self, call: Call) -> None:
        self._authorise(call)
        self._ledger.reserve(call)
        self._recorder.intend(call)
        self._queue(call)

    def _try(self, stage: Callable[[Call], None], call: Call) -> None:
        """Let a call go on; what refuses it is its answer."""
        try:
            stage(call)
        except LLMAgentOSError as error:
            self._end(call, error)
        except Exception as error:
            text = f"{call.syscall.name} failed: {type(error).__name__}: {error}"
            self._end(call, Internal(text))

    def _identify(self, origin: ControlBlock, header: list[Any], body: bytes) -> Call:
        """Say which syscall this is and on whose behalf it runs."""
        number, name, seconds, behalf = header[2], header[3], header[4], header[6]
        syscall = self.registry[name]
        if number in origin.in_flight or number < 1:
            raise InvalidArgument(f"the call number {number} is in use or not above 0")
        if len(origin.in_flight) >= MAX_IN_FLIGHT:
            raise TryAgain(f"{MAX_IN_FLIGHT} calls are in flight", retry_after=0.05)
        if seconds is None:
            seconds = syscall.traits.deadline
        elif type(seconds) not in (int, float) or not 0 < seconds <= MAX_DEADLINE:
            raise InvalidArgument(f"a deadline is 0 to {MAX_DEADLINE:.0f} seconds, not {seconds!r}")
        process = origin if behalf is None else self._principal_of(origin, behalf)
        self._last_number = kernel_number = self._last_number + 1
        now = self._clock()
        call = Call(
            kernel_number, syscall, origin, number, process, now, now + seconds, body
        )  # fmt: skip
        self._calls.add(call)
        process.syscalls += 1
        return call

    def _principal_of(self, origin: ControlBlock, behalf: Any) -> ControlBlock:
        """Return whose call a provider is serving, or whose session it opened; nobody else's."""
        if type(behalf) is int and behalf < 0:
            opener, session = self.sessions.get(-behalf, (None, None))
            if opener is origin and session is not None and session.state is not State.ZOMBIE:
                return session
        call = self._calls.get(behalf)
        if call is None or call.provider is not origin:
            raise PermissionDenied(f"{behalf!r} is no call that process {origin.pid} is serving")
        return call.process

    def _authorise(self, call: Call) -> None:
        capabilities, syscall = call.process.capabilities, call.syscall
        if capabilities.free(syscall.name):
            return
        arguments = unpack(call.body)
        if type(arguments) is not dict:
            raise InvalidArgument(f"{syscall.name}: the arguments are no map")
        subject = arguments.get(syscall.traits.subject) if syscall.traits.subject else None
        if not capabilities.allows(
            syscall.name, subject if isinstance(subject, str) else None, arguments
        ):
            what = f"{syscall.name}:{subject}" if subject is not None else syscall.name
            raise PermissionDenied(f"process {call.process.pid} holds no capability for {what}")

    def _queue(self, call: Call) -> None:
        name, kind = call.syscall.name, call.syscall.traits.device
        if self.registry.handles(name):
            self._end(call, self.registry.handle(name, call.process, call.body))
            return
        self._calls.watch(call)
        if kind is None:
            self._dispatch(call)
            return
        device, process = self.devices.of(kind), call.process
        device.queue.submit(
            Waiting(
                key=call.number,
                pid=process.pid,
                principal=process.principal,
                nice=process.nice,
                arrived=call.started,
            )
        )
        self._admit(device)

    def _admit(self, device: ManagedDevice) -> None:
        for number in device.queue.admit(self._clock()):
            call = self._calls.get(number)
            if call is None:  # unreachable while every end of a call tells the queue
                raise Internal(f"call {number} waits in a queue and nowhere else")
            self._try(self._dispatch, call)

    def _dispatch(self, call: Call) -> None:
        name = call.syscall.name
        provider = self.registry.provider(name)
        if provider is None or provider.connection is None:
            if not self.registry.expected(name):
                raise DeviceError(f"nobody answers {name} at present")
            self._calls.park(call)
            return
        if provider.connection.backlog > MAX_BACKLOG:
            raise TryAgain(f"whoever answers {name} reads too slowly", retry_after=0.1)
        self._calls.assign(call, provider)
        call.attempts += 1
        process = call.process
        provider.connection.send(
            (
                VERSION, Kind.REQUEST, call.number, name, None, None, None,
                process.pid, process.principal,
            ),
            call.body,
        )  # fmt: skip

    # What comes back.

    def _on_answer(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._call_served_by(provider, header[2])
        if call is None:
            return
        if header[1] == Kind.ERROR and (len(header) < 4 or type(header[3]) is not str):
            raise ProtocolError("an error without its code")
        usage = header[-1] if type(header[-1]) is dict else None
        if header[1] == Kind.ERROR:
            self._close(call, header[3], body, usage)
            self._send(call, (VERSION, Kind.ERROR, call.origin_number, header[3]), body)
        else:
            self._close(call, "ok", body, usage)
            self._send(call, (VERSION, Kind.REPLY, call.origin_number, usage), body)

    def _on_item(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._call_served_by(provider, header[2])
        if call is None or call.answered or call.origin.connection is None:
            return
        try:
            call.origin.connection.send((VERSION, Kind.ITEM, call.origin_number), body)
        except TooBig as error:
            self._abandon(call, error)

    def _on_credit(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if len(header) < 4 or type(header[3]) is not int or header[3] < 1:
            raise ProtocolError("a credit without a positive count")
        if call is not None and call.provider is not None and call.provider.connection is not None:
            call.provider.connection.send((VERSION, Kind.CREDIT, call.number, header[3]))

    def _on_cancel(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if call is not None:
            self._abandon(call, Cancelled())

    def _call_served_by(self, provider: ControlBlock, number: int) -> Call | None:
        """Return the call, or None when it has ended meanwhile or is not this process's."""
        call = self._calls.get(number)
        return call if call is not None and call.provider is provider else None

    def _abandon(self, call: Call, error: LLMAgentOSError) -> None:
        """End a call for its origin, and take it back from whoever works on it.

        A device's slot and the reserved budget stay taken until the driver has let go.
        """
        if call.answered:
            return
        provider = call.provider
        if provider is None or provider.connection is None:
            self._end(call, error)
            return
        provider.connection.send((VERSION, Kind.CANCEL, call.number))
        if call.syscall.traits.device is None:
            self._end(call, error)
        else:
            self._recorder.ended(call, error.code, b"")
            self._calls.detach(call)
            _send_error(call.origin, call.origin_number, error)

    def _orphan(self, call: Call) -> None:
        """Send a lost provider's call again where that does no harm, or end it honestly."""
        traits = call.syscall.traits
        again = traits.idempotent and not traits.stream and call.attempts < MAX_ATTEMPTS
        if again and not call.answered and self.registry.expected(call.syscall.name):
            self._calls.park(call)
        else:
            self._end(call, call.lost())

    def _end(self, call: Call, outcome: bytes | LLMAgentOSError) -> None:
        """Close a call and answer it with a result of the kernel's own or an error."""
        if isinstance(outcome, bytes):
            self._close(call, "ok", outcome, None)
            self._send(call, (VERSION, Kind.REPLY, call.origin_number, None), outcome)
        else:
            body = pack([outcome.message, outcome.details])
            self._close(call, outcome.code, body, None)
            self._send(call, (VERSION, Kind.ERROR, call.origin_number, outcome.code), body)

    def _close(self, call: Call, code: str, body: bytes, usage: dict[str, Any] | None) -> None:
        """Commit what a call has used, record its outcome and forget it."""
        self.answered += 1
        self._calls.remove(call)
        self._ledger.commit(call, usage)
        if not call.answered:
            self._recorder.ended(call, code, body)
        if (kind := call.syscall.traits.device) is not None:
            device = self.devices.of(kind)
            if call.provider is None:
                device.queue.cancel(call.number)
            else:
                device.queue.finish(call.number, usage or {}, self._clock())
            self._admit(device)

    @staticmethod
    def _send(call: Call, header: tuple[Any, ...], body: bytes) -> None:
        if call.answered or call.origin.connection is None:
            return
        try:
            call.origin.connection.send(header, body)
        except TooBig as error:
            # The provider's own header was shorter: its frame passed, ours would not.
            _send_error(call.origin, call.origin_number, error)


def _send_error(origin: ControlBlock, number: int, error: LLMAgentOSError) -> None:
    if origin.connection is not None:
        body = pack([error.message, error.details])
        origin.connection.send((VERSION, Kind.ERROR, number, error.code), body)
