"""Calls on their way, found by every side that may end them.

Interface:
    Call            one syscall from its arrival to its answer
    CallTable       calls by the kernel's number, by origin, by provider and by deadline
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..syscalls.codec import unpack
from ..syscalls.errors import (
    DeviceError,
    InDoubt,
    InvalidArgument,
    LLMAgentOSError,
    ProtocolError,
)
from ..syscalls.message import INITIAL_CREDIT
from ..syscalls.table import Description
from .budget import Reservation
from .capability import Capability
from .deadlines import DeadlineWheel
from .process import ControlBlock

#: Bytes of arguments that are read for what only helps to know: what a call is like, and whether
#: it has an effect after all. What decides whether it may pass reads them all.
READ = 64 * 1024


@dataclass(slots=True)
class Call:
    """One syscall on its way. The trap alone writes it."""

    number: int  # the kernel's own, unique
    syscall: Description
    origin: ControlBlock  # who gets the answer
    origin_number: int  # as the origin counts its calls
    process: ControlBlock  # whose rights and budget it runs with
    started: float
    deadline: float
    body: bytes
    trace: Any = None  # the origin's trace id, passed on unread
    seq: int = 0  # which of the process's own calls, from 1; 0 for one made on its behalf
    credit: int = INITIAL_CREDIT  # items that the provider may still send
    provider: ControlBlock | None = None
    attempts: int = 0  # how often it has been handed to a provider
    reservation: Reservation | None = None
    answered: bool = False  # the origin has its answer; the device has not let go yet
    used: dict[str, float] = field(default_factory=dict)  # what it was charged so far, as reported
    like: tuple[str, str] | None = None  # what its duration is learned by, if it is
    left: float | None = None  # seconds until its deadline, while its process is suspended
    harmless: bool = False  # its provider has said that it has no effect after all
    approval: int = 0  # which approval it waits for; 0 for none
    grant: Capability | None = None  # what lets it pass, or refuses it; None where nothing does
    approver: str = ""  # who has allowed it, where a person was asked
    doubt: float | None = None  # when it went out before, if it did and nobody knows its end
    seconds: float = 0.0  # those that it has once a person has answered that doubt
    tainting: bool = False  # something untrusted that it was answered with has been noted
    incarnation: int = 1  # of its origin, which hears of it while it is still that one
    intended: bool = False  # its intent stands in the journal
    taken_back: bool = False  # by its own origin
    unheard: bool = False  # its origin will make it again: how it ends is nobody's affair

    def arguments(self) -> dict[str, Any]:
        """Return the arguments. Raises `InvalidArgument` where they are no map."""
        arguments = unpack(self.body)
        if type(arguments) is not dict:
            raise InvalidArgument(f"{self.syscall.name}: the arguments are no map")
        return arguments

    @property
    def effect(self) -> bool:
        """Whether it changes something outside the operating system."""
        return self.syscall.traits.effect and not self.harmless

    def subject(self) -> str | None:
        """Return what the call is about, such as a tool's name; None where nothing says so."""
        key = self.syscall.traits.subject
        if key is None:
            return None
        try:
            subject = self.arguments().get(key)
        except (InvalidArgument, ProtocolError):  # Whoever answers it will say so.
            return None
        return subject if isinstance(subject, str) else None

    def label(self) -> str:
        """Return what is called, for people: `tool.call:shell`."""
        subject = self.subject()
        return self.syscall.name if subject is None else f"{self.syscall.name}:{subject}"

    def asks(self) -> bool:
        """Whether a person is to be asked where nobody knows if its effect has happened."""
        durable = None if self.answered else self.origin.durable
        return durable is not None and durable.asks and self.origin is self.process

    def lost(self) -> LLMAgentOSError:
        """Say honestly what is known once the provider has died."""
        name, traits = self.syscall.name, self.syscall.traits
        if self.effect and not traits.idempotent:
            return InDoubt(f"{name}: its provider died; the effect may or may not have happened")
        return DeviceError(f"{name}: its provider died")


class CallTable:
    """Every call that somebody waits for or works on."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._served: dict[int, set[int]] = {}  # by provider's pid, calls it has not answered
        self._parked: dict[str, dict[int, Call]] = {}  # by syscall, then by number
        self._deadlines = DeadlineWheel()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def get(self, number: Any) -> Call | None:
        """Return a call by the kernel's number."""
        return self._calls.get(number) if type(number) is int else None

    def add(self, call: Call) -> None:
        """Enter a call that was accepted."""
        self._calls[call.number] = call
        call.origin.in_flight[call.origin_number] = call.number
        call.origin.in_flight_bytes += len(call.body)

    def watch(self, call: Call) -> None:
        """Let the call be reported once its deadline has passed."""
        if call.left is None:
            self._deadlines.add(call.number, call.deadline)

    def stop_clock(self, call: Call, now: float) -> None:
        """Let a call's deadline stand still."""
        if call.left is None and not call.answered:
            self._deadlines.discard(call.number, call.deadline)
            call.left = call.deadline - now

    def set_clock(self, call: Call, now: float, seconds: float) -> None:
        """Let a call have so many seconds from now on."""
        if call.left is not None:
            call.left = seconds
            return
        self._deadlines.discard(call.number, call.deadline)
        call.deadline = now + seconds
        self.watch(call)

    def start_clock(self, call: Call, now: float) -> None:
        """Let a call's deadline go on."""
        if call.left is not None and not call.answered:
            call.deadline, call.left = now + call.left, None
            self.watch(call)

    def assign(self, call: Call, provider: ControlBlock) -> None:
        """Note who works on a call."""
        call.provider = provider
        served = self._served.get(provider.pid)
        if served is None:
            served = self._served[provider.pid] = set()
        served.add(call.number)

    def detach(self, call: Call) -> None:
        """The origin has its answer and may use its number again."""
        self._leave(call)
        call.answered = True

    def remove(self, call: Call) -> None:
        """Forget a call."""
        del self._calls[call.number]
        if not call.answered:
            self._leave(call)
        if call.provider is None:
            self._parked.get(call.syscall.name, {}).pop(call.number, None)
        elif served := self._served.get(call.provider.pid):
            served.discard(call.number)

    def _leave(self, call: Call) -> None:
        """Its origin waits for it no longer."""
        del call.origin.in_flight[call.origin_number]
        call.origin.in_flight_bytes -= len(call.body)
        if call.left is None:
            self._deadlines.discard(call.number, call.deadline)

    def of_origin(self, process: ControlBlock) -> list[Call]:
        """Return the calls that a process waits for."""
        return [self._calls[number] for number in process.in_flight.values()]

    def orphaned(self, provider: ControlBlock) -> list[Call]:
        """Return, oldest first, the calls that a lost provider has not answered."""
        return [self._calls[number] for number in sorted(self._served.pop(provider.pid, ()))]

    def park(self, call: Call) -> None:
        """Keep a call until its provider has come, or come back."""
        call.provider = None
        self._parked.setdefault(call.syscall.name, {})[call.number] = call

    def parked(self, name: str) -> list[Call]:
        """Take the calls that wait for a syscall's provider, the oldest first."""
        return list(self._parked.pop(name, {}).values())

    def expired(self, now: float) -> list[Call]:
        """Return the calls whose deadline lies before `now`."""
        found = map(self._calls.get, self._deadlines.expired(now))
        return [call for call in found if call is not None]
