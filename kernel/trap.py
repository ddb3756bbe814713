"""The trap: the one place that every syscall passes, from its arrival to its answer.

Interface:
    Trap.attach(process, connection)    a process's frames come here from then on
    Trap.answer(interface, handlers)    the kernel itself answers these calls
    Trap.tick()                         end the calls whose deadline has passed, tell drivers ranks
    Trap.steering                       what becomes of a process's calls
    Trap.aside                          what a durable process's next life finds of its calls
    Trap.taint                          who has read what a stranger may have written
    Trap.approvals                      calls that wait for a person; `decide` ends the waiting
    Trap.doubt                          lets one wait for a person that may have had its effect

A call takes these stages, each of which may refuse it with an error of the table:

    identify → authorise (→ approval) → reserve budget → queue → journal → dispatch → commit → reply
    └───── arrival ─────┘               └─ ledger ───┘   └───── dispatch ────────┘   └── ending ───┘

The body stays opaque unless a capability's constraint or a budget needs a look at the arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..syscalls.connection import Connection
from ..syscalls.errors import (
    Cancelled,
    DeadlineExceeded,
    LLMAgentOSError,
    PermissionDenied,
    ProtocolError,
    TryAgain,
)
from ..syscalls.interface import Interface
from ..syscalls.message import Kind
from ..syscalls.table import Description
from .approvals import PATIENCE, Approvals, Ticket
from .arrival import Arrival
from .aside import Aside
from .budget import Held
from .call import Call, CallTable
from .capability import Capability, CapabilitySet
from .devices import DeviceTable
from .dispatch import Dispatch
from .durable.story import ANSWERS
from .ending import Ending, send_error
from .ledger import Ledger
from .process import ControlBlock, State
from .recorder import NullRecorder, Recorder
from .registry import Handler, Registry
from .replies import Replies
from .requests import Requests
from .shortage import Shortage
from .steering import Steering
from .taint import Taint
from .tenancy import Tenants


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
        #: Seconds of the clock that deadlines are on.
        self.clock = clock
        self._recorder = recorder or NullRecorder()
        self._ledger = Ledger()
        self._shortage = Shortage(self._resume)
        self._tenants = Tenants(clock)
        self.devices.on_driver = self._tenants.introduce
        self._calls = CallTable()
        self._arrival = Arrival(self.registry, self._calls, clock)
        #: Calls that wait for a person.
        self.approvals = Approvals()
        self._ending = Ending(
            registry=self.registry,
            calls=self._calls,
            devices=self.devices,
            ledger=self._ledger,
            recorder=self._recorder,
            tenants=self._tenants,
            clock=clock,
            approvals=self.approvals,
            shortage=self._shortage,
            doubt=self._lost,
        )
        self._dispatch = Dispatch(
            registry=self.registry,
            calls=self._calls,
            devices=self.devices,
            tenants=self._tenants,
            recorder=self._recorder,
            ending=self._ending,
            clock=clock,
        )
        self.devices.on_free = self._dispatch.admit
        #: What a durable process's next life finds of its calls.
        self.aside = Aside(calls=self._calls, approvals=self.approvals, ending=self._ending)
        #: What becomes of a process's calls when it is suspended, reniced and so on.
        self.steering = Steering(
            calls=self._calls,
            devices=self.devices,
            tenants=self._tenants,
            ending=self._ending,
            clock=clock,
        )
        #: Who has read what a stranger may have written.
        self.taint = Taint()
        requests = Requests(calls=self._calls, ending=self._ending, enter=self.enter)
        replies = Replies(
            calls=self._calls,
            devices=self.devices,
            ledger=self._ledger,
            ending=self._ending,
            taint=self.taint,
            recorder=self._recorder,
            clock=clock,
        )
        self._replies = replies
        self._kinds = {
            Kind.REQUEST: requests.on_request,
            Kind.REPLY: replies.on_reply,
            Kind.ERROR: replies.on_error,
            Kind.ITEM: replies.on_item,
            Kind.CREDIT: requests.on_credit,
            Kind.CANCEL: requests.on_cancel,
            Kind.SIGNAL: replies.on_signal,
        }

    @property
    def pending(self) -> int:
        """How many calls are on their way."""
        return len(self._calls)

    @property
    def answered(self) -> int:
        """How many calls were answered since the start."""
        return self._ending.count

    @property
    def sessions(self) -> dict[int, tuple[ControlBlock, ControlBlock]]:
        """Processes that have opened a session, with it, by the session's pid."""
        return self._arrival.sessions

    def hold(self, ceilings: Callable[[ControlBlock], tuple[CapabilitySet, ...]]) -> None:
        """Let calls pass only where, besides a process's own capabilities, each of these does."""
        self._arrival.ceilings = ceilings

    def tell(self, denied: Callable[[ControlBlock, str, str], None]) -> None:
        """Tell of whoever is refused a call for want of a right: who, which, and why."""
        self._arrival.on_denied = denied

    def hide(self, redact: Callable[[bytes], bytes]) -> None:
        """Let what providers answer pass through this, which takes secrets out of it."""
        self._replies.redact = redact

    def give_back(self, letter: Callable[[Call, bytes], None]) -> None:
        """Hand a letter to this that was taken for a call which had ended before its answer."""
        self._replies.too_late = letter

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
        """Return the names of the syscalls that a process waits for, also of those that another
        one has made for it."""
        numbers = set(process.in_flight.values())
        for tenancy in process.tenancies:
            numbers |= tenancy.inside
        found = map(self._calls.get, sorted(numbers))
        return [call.syscall.name for call in found if call is not None]

    def provide(self, process: ControlBlock, described: list[Description]) -> None:
        """Let a process answer syscalls; the calls that waited for it go out.

        Raises `AlreadyExists` and `InvalidArgument` as `Registry.provide` does.
        """
        self.registry.provide(process, described)
        for one in described:
            self._dispatch.unpark(one.name)

    def decide(
        self,
        ticket: Ticket,
        *,
        allow: bool,
        for_good: bool = False,
        reason: str | None = None,
        by: str = "",
        result: bytes | None = None,
    ) -> None:
        """Let a call that waits for a person go on, or end it; `by` says who, for the journal.

        With a `result`, it returns that and nothing is done.
        """
        call = ticket.call
        call.approver = by
        happened = result is not None
        self.approvals.take(
            ticket, allow=allow, for_good=for_good, reason=reason, happened=happened
        )
        if for_good and call.process.durable is not None:
            answers = call.process.answers.items()
            self._recorder.mark(call.process, ANSWERS, [[*what, said] for what, said in answers])
        if result is not None:
            self._ending.answer(call, result)
        elif allow:
            if call.doubt is not None:
                self._calls.set_clock(call, self.clock(), call.seconds)
            self._resume(call)
        else:
            said = f": {reason}" if reason else ""
            self._ending.fail(call, PermissionDenied(f"{call.label()} was denied{said}"))

    def end_session(self, session: ControlBlock, error: LLMAgentOSError) -> None:
        """Take a session's rights back: what was asked on its behalf ends in an error."""
        self._arrival.sessions.pop(session.pid, None)
        self.steering.end_session(session, error)

    def on_frame(self, connection: Connection, header: list[Any], body: bytes) -> None:
        """Take one frame. Raises `ProtocolError` for one that nobody may send to a kernel."""
        handle = self._kinds.get(header[1])
        if handle is None or connection.owner is None:
            raise ProtocolError(f"a kernel takes no message of kind {header[1]}")
        handle(connection.owner, header, body)

    def on_lost(self, connection: Connection) -> None:
        """End what a lost process had in flight, as a caller and as a provider."""
        process: ControlBlock | None = connection.owner
        if process is None or process.connection is not connection:
            return
        process.connection = None
        if process.durable is None:
            self.forsake(process)
        else:
            self.aside.put(process)

    def forsake(self, process: ControlBlock) -> None:
        """End what a process had in flight that has ended for good."""
        for call in self._calls.of_origin(process):
            self._ending.abandon(call, Cancelled())
        for call in self.approvals.of(process):
            self._ending.abandon(call, Cancelled())
        self.steering.gone(process, Cancelled())
        self.registry.withdraw(process)
        self.devices.withdraw(process)
        for call in self._calls.orphaned(process):
            self._ending.orphan(call)

    def refuse(
        self, origin: ControlBlock, header: list[Any], body: bytes, error: LLMAgentOSError
    ) -> None:
        """Answer a request with an error, as if the call had been made."""

        def end(call: Call) -> None:
            raise error

        self.enter(origin, header, body, end, error)

    def tick(self) -> None:
        """Do what is done again and again."""
        self.expire()
        for call in self._shortage.late(self.clock()):
            text = f"{call.syscall.name}: others' calls may cost all that is left of the budget"
            self._ending.fail(call, TryAgain(text, retry_after=1.0))
        self.steering.tick()

    def expire(self, now: float | None = None) -> None:
        """End every call whose deadline lies before `now` (the clock's time by default)."""
        for call in self._calls.expired(self.clock() if now is None else now):
            name = call.syscall.name
            if call.approval:
                text = f"{call.label()} is denied: nobody has answered approval {call.approval}"
                self._ending.fail(call, PermissionDenied(text))
                continue
            why = "" if self.registry.provider(name) else "; nobody answers it at present"
            self._ending.abandon(call, DeadlineExceeded(f"{name} had no answer in time{why}"))

    # The stages, in their order.

    def enter(
        self,
        origin: ControlBlock,
        header: list[Any],
        body: bytes,
        then: Callable[[Call], None] | None = None,
        instead: LLMAgentOSError | None = None,
    ) -> None:
        """Let a request become a call, which takes its way unless somebody says what `then`.

        One that cannot is answered with why, or with what is to be said `instead`.
        """
        try:
            call = self._arrival.identify(origin, header, body)
        except LLMAgentOSError as why:
            error = instead or why
            if origin.durable is not None or isinstance(error, PermissionDenied):
                self._recorder.refused(origin, header, body, error)
            self._ending.in_turn(origin, lambda: send_error(origin, header[2], error))
            return
        self._ending.attempt(then or self._authorise, call)

    def _authorise(self, call: Call) -> None:
        grant = self._arrival.authorise(call)
        if grant is None or self.approvals.answered(call, grant):
            self._reserve(call)
        else:
            self._ask(call, grant)

    def _reserve(self, call: Call) -> None:
        try:
            self._ledger.reserve(call)
        except Held as held:
            self._shortage.wait(call, held.node, self.clock())
            self._wait(call)
            return
        self._shortage.leave(call)
        self._dispatch.take(call)

    # What waits before it is sent on its way.

    def _ask(self, call: Call, grant: Capability) -> None:
        self.approvals.ask(call, grant)
        self._recorder.asked(call)
        self._wait(call)
        if call.process.tenancies:
            self._tenants.leaves(call)

    def doubt(self, call: Call, since: float) -> None:
        """Let a call that went out before, and of whose end nobody knows, wait for a person."""
        call.doubt, call.seconds = since, call.deadline - call.started
        self._calls.set_clock(call, self.clock(), PATIENCE)
        grant = self._arrival.authorise(call) or call.grant
        assert grant is not None  # Nothing else lets a call pass.
        self._ask(call, grant)

    def _lost(self, call: Call) -> None:
        """Let a call wait for a person whose provider has died over it."""
        since = time.time() - self.clock() + call.started
        self._ending.attempt(partial(self.doubt, since=since), call)

    def remind(self, process: ControlBlock) -> None:
        """Show whoever has begun to watch a process which of its calls wait for a person."""
        for call in self.approvals.of(process):
            self._recorder.asked(call)

    def _wait(self, call: Call) -> None:
        """Let a call's deadline pass while it waits, unless its process is suspended."""
        self._calls.watch(call)
        if call.process.state is State.SUSPENDED:
            self._calls.stop_clock(call, self.clock())

    def _resume(self, call: Call) -> None:
        """Let a call go on that has waited for a person or for a budget."""
        self._ending.attempt(self._go_on, call)

    def _go_on(self, call: Call) -> None:
        # What it may was looked at when it came; some of that may be revoked by now.
        self._arrival.authorise(call)
        self._reserve(call)
