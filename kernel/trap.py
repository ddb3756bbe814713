"""The trap: the one place that every syscall passes, from its arrival to its answer.

Interface:
    Trap.attach(process, connection)    a process's frames come here from then on
    Trap.provide(process, interface)    the process answers this interface's calls
    Trap.answer(interface, handler)     the kernel itself answers them
    Trap.expire(now)                    end the calls whose deadline has passed

A call takes these stages, each of which may refuse it with an error of the table:

    identify → authorise → dispatch → (the provider, or the kernel itself) → reply

The body stays opaque unless a capability's constraint needs a look at the arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..syscalls.codec import pack, unpack
from ..syscalls.connection import Connection
from ..syscalls.errors import (
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    DeviceError,
    InDoubt,
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
from ..syscalls.table import Syscall, SyscallTable, read
from .deadlines import DeadlineWheel
from .process import ControlBlock, State

#: Calls that one process may have in flight; the next one is refused with EAGAIN.
MAX_IN_FLIGHT = 1024
#: Bytes that may wait for a provider that does not read; past it calls are refused with EAGAIN.
MAX_BACKLOG = 32 * 1024 * 1024
#: Seconds that a caller may ask for at most.
MAX_DEADLINE = 86_400.0

Handler = Callable[..., Any]


@dataclass(slots=True)
class Call:
    """One syscall on its way. The trap alone writes it."""

    number: int  # the kernel's own, unique
    syscall: Syscall
    origin: ControlBlock  # who gets the answer
    origin_number: int  # as the origin counts its calls
    process: ControlBlock  # whose rights it runs with
    deadline: float
    body: bytes
    provider: ControlBlock | None = None


class Trap:
    """Carries calls between processes. Not thread-safe: one event loop owns it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: Every syscall that somebody answers.
        self.table = SyscallTable()
        self._clock = clock
        self._providers: dict[str, ControlBlock] = {}
        self._handlers: dict[str, Handler] = {}
        self._calls: dict[int, Call] = {}
        self._served: dict[int, set[int]] = {}  # by provider's pid, calls it has not answered
        self._deadlines = DeadlineWheel()
        self._last_number = 0
        self._stages = (self._authorise, self._dispatch)
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

    def provide(self, process: ControlBlock, interface: type[Interface]) -> None:
        """Let a process answer an interface. Raises `AlreadyExists` while another one does."""
        names = [entry.name for entry in read(interface)]
        for name in names:
            if name in self._providers or name in self._handlers:
                raise AlreadyExists(f"{name} is answered already")
        if not all(name in self.table for name in names):
            self.table.add(interface)
        self._providers.update(dict.fromkeys(names, process))
        self._served.setdefault(process.pid, set())

    def answer(self, interface: type[Interface], **handlers: Handler) -> None:
        """Let the kernel answer an interface: one plain function per method.

        A handler gets the calling process's control block first, then the checked arguments.
        Raises `Internal` where handlers and methods differ.
        """
        if handlers.keys() != interface.methods().keys():
            raise Internal(f"{interface.interface_name}: handlers and methods differ")
        self.table.add(interface)
        self._handlers.update(
            {f"{interface.interface_name}.{name}": one for name, one in handlers.items()}
        )

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
        for number in list(process.in_flight.values()):
            self._abandon(self._calls[number])
        for name in [name for name, one in self._providers.items() if one is process]:
            del self._providers[name]
        for number in sorted(self._served.pop(process.pid, ())):
            if (call := self._calls.get(number)) is not None:
                self._refuse(call, _lost(call))

    def expire(self, now: float | None = None) -> None:
        """End every call whose deadline lies before `now` (the clock's time by default)."""
        for number in self._deadlines.expired(self._clock() if now is None else now):
            if (call := self._calls.get(number)) is not None:
                self._abandon(call)
                name = call.syscall.name
                self._send_error(call, DeadlineExceeded(f"{name} had no answer in time"))

    def _on_request(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        if len(header) < 7 or type(header[3]) is not str:
            raise ProtocolError(
                "a request is version, kind, call, syscall, deadline, trace, behalf"
            )
        try:
            call = self._identify(origin, header, body)
        except LLMAgentOSError as error:
            self._send_refusal(origin, header[2], error)
            return
        try:
            for stage in self._stages:
                stage(call)
        except LLMAgentOSError as error:
            self._refuse(call, error)
        except Exception as error:
            text = f"{call.syscall.name} failed: {type(error).__name__}: {error}"
            self._refuse(call, Internal(text))

    def _identify(self, origin: ControlBlock, header: list[Any], body: bytes) -> Call:
        """Say which syscall this is and on whose behalf it runs."""
        number, name, seconds, behalf = header[2], header[3], header[4], header[6]
        syscall = self.table[name]
        if number in origin.in_flight or number < 1:
            raise InvalidArgument(f"the call number {number} is in use or not above 0")
        if len(origin.in_flight) >= MAX_IN_FLIGHT:
            raise TryAgain(f"{MAX_IN_FLIGHT} calls are in flight", retry_after=0.05)
        if seconds is None:
            seconds = syscall.traits.deadline
        elif type(seconds) not in (int, float) or not 0 < seconds <= MAX_DEADLINE:
            raise InvalidArgument(f"a deadline is 0 to {MAX_DEADLINE:.0f} seconds, not {seconds!r}")
        process = origin if behalf is None else self._caller_of(origin, behalf)
        self._last_number = kernel_number = self._last_number + 1
        deadline = self._clock() + seconds
        call = Call(kernel_number, syscall, origin, number, process, deadline, body)
        self._calls[kernel_number] = call
        origin.in_flight[number] = kernel_number
        origin.syscalls += 1
        return call

    def _caller_of(self, provider: ControlBlock, behalf: Any) -> ControlBlock:
        """Return whose call a provider is serving; it may act for nobody else."""
        call = self._calls.get(behalf) if type(behalf) is int else None
        if call is None or call.provider is not provider:
            raise PermissionDenied(f"{behalf!r} is no call that process {provider.pid} is serving")
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

    def _dispatch(self, call: Call) -> None:
        name = call.syscall.name
        handler = self._handlers.get(name)
        if handler is not None:
            arguments = call.syscall.check(unpack(call.body))
            reply = pack(handler(call.process, **arguments))
            self._finish(call, (VERSION, Kind.REPLY, call.origin_number, None), reply)
            return
        provider = self._providers.get(name)
        if provider is None or provider.connection is None:
            raise DeviceError(f"nobody answers {name} at present")
        if provider.connection.backlog > MAX_BACKLOG:
            raise TryAgain(f"whoever answers {name} reads too slowly", retry_after=0.1)
        call.provider = provider
        self._served[provider.pid].add(call.number)
        self._deadlines.add(call.number, call.deadline)
        process = call.process
        provider.connection.send(
            (
                VERSION, Kind.REQUEST, call.number, name, None, None, None,
                process.pid, process.principal,
            ),
            call.body,
        )  # fmt: skip

    def _on_answer(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._call_served_by(provider, header[2])
        if call is None:
            return
        if header[1] == Kind.ERROR and (len(header) < 4 or type(header[3]) is not str):
            raise ProtocolError("an error without its code")
        self._finish(call, (VERSION, header[1], call.origin_number, *header[3:4]), body)

    def _on_item(self, provider: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._call_served_by(provider, header[2])
        if call is None or call.origin.connection is None:
            return
        try:
            call.origin.connection.send((VERSION, Kind.ITEM, call.origin_number), body)
        except TooBig as error:
            self._abandon(call)
            self._send_error(call, error)

    def _on_credit(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if len(header) < 4 or type(header[3]) is not int or header[3] < 1:
            raise ProtocolError("a credit without a positive count")
        if call is not None and call.provider is not None and call.provider.connection is not None:
            call.provider.connection.send((VERSION, Kind.CREDIT, call.number, header[3]))

    def _on_cancel(self, origin: ControlBlock, header: list[Any], body: bytes) -> None:
        call = self._calls.get(origin.in_flight.get(header[2], 0))
        if call is not None:
            self._abandon(call)
            self._send_error(call, Cancelled())

    def _call_served_by(self, provider: ControlBlock, number: int) -> Call | None:
        """Return the call, or None when it has ended meanwhile or is not this process's."""
        call = self._calls.get(number)
        return call if call is not None and call.provider is provider else None

    def _forget(self, call: Call) -> None:
        del self._calls[call.number]
        del call.origin.in_flight[call.origin_number]
        if call.provider is not None:
            self._deadlines.discard(call.number, call.deadline)
            if (served := self._served.get(call.provider.pid)) is not None:
                served.discard(call.number)

    def _finish(self, call: Call, header: tuple[Any, ...], body: bytes) -> None:
        self._forget(call)
        if call.origin.connection is not None:
            try:
                call.origin.connection.send(header, body)
            except TooBig as error:
                # The provider's own header was shorter: its frame passed, ours would not.
                self._send_error(call, error)

    def _abandon(self, call: Call) -> None:
        """Forget a call that nobody waits for, and tell its provider so."""
        self._forget(call)
        if call.provider is not None and call.provider.connection is not None:
            call.provider.connection.send((VERSION, Kind.CANCEL, call.number))

    def _refuse(self, call: Call, error: LLMAgentOSError) -> None:
        self._forget(call)
        self._send_error(call, error)

    def _send_error(self, call: Call, error: LLMAgentOSError) -> None:
        self._send_refusal(call.origin, call.origin_number, error)

    @staticmethod
    def _send_refusal(origin: ControlBlock, number: int, error: LLMAgentOSError) -> None:
        if origin.connection is not None:
            body = pack([error.message, error.details])
            origin.connection.send((VERSION, Kind.ERROR, number, error.code), body)


def _lost(call: Call) -> LLMAgentOSError:
    """Say honestly what is known of a call whose provider died."""
    name, traits = call.syscall.name, call.syscall.traits
    if traits.effect and not traits.idempotent:
        return InDoubt(f"{name}: its provider died; the effect may or may not have happened")
    return DeviceError(f"{name}: its provider died")
