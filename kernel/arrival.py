"""A call's arrival: which syscall it is, on whose behalf, and whether it may pass.

Interface:
    Arrival         `identify` and `authorise`, the first stages of the trap
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..syscalls.errors import InvalidArgument, PermissionDenied, TryAgain
from ..syscalls.message import MAX_DEADLINE
from .approvals import conditions, why
from .call import Call, CallTable
from .capability import LONGEST, Capability, CapabilitySet, Verdict
from .process import ControlBlock, State
from .registry import Registry
from .shown import line

#: Calls that one process may have in flight, and bytes of their arguments; the next one is refused
#: with EAGAIN.
MAX_IN_FLIGHT = 1024
MAX_BYTES = 64 * 1024 * 1024


class Arrival:
    """Takes requests in; changes nothing but the table of calls."""

    def __init__(self, registry: Registry, calls: CallTable, clock: Callable[[], float]) -> None:
        #: Processes that have opened a session and may call on its behalf, by the session's pid.
        self.sessions: dict[int, tuple[ControlBlock, ControlBlock]] = {}
        #: The sets that, besides its own, must allow what a process asks for.
        self.ceilings: Callable[[ControlBlock], tuple[CapabilitySet, ...]] = lambda process: ()
        #: Told who was refused what for want of a right, and why.
        self.on_denied: Callable[[ControlBlock, str, str], None] = lambda process, name, why: None
        self._registry = registry
        self._calls = calls
        self._clock = clock
        self._last = 0

    def identify(self, origin: ControlBlock, header: list[Any], body: bytes) -> Call:
        """Say which syscall this is and on whose behalf it runs, and enter it as a call."""
        number, name, seconds, behalf = header[2], header[3], header[4], header[6]
        syscall = self._registry[name]
        if number in origin.in_flight or number < 1:
            raise InvalidArgument(f"the call number {number} is in use or not above 0")
        if len(origin.in_flight) >= MAX_IN_FLIGHT:
            raise TryAgain(f"{MAX_IN_FLIGHT} calls are in flight", retry_after=0.05)
        if origin.in_flight_bytes + len(body) > MAX_BYTES:
            raise TryAgain(f"{MAX_BYTES} bytes of calls are in flight", retry_after=0.05)
        if origin.state is State.ZOMBIE:
            raise PermissionDenied(f"process {origin.pid} has ended")
        if seconds is None:
            seconds = syscall.traits.deadline
        elif type(seconds) not in (int, float) or not 0 < seconds <= MAX_DEADLINE:
            raise InvalidArgument(f"a deadline is 0 to {MAX_DEADLINE:.0f} seconds, not {seconds!r}")
        process = origin if behalf is None else self._principal_of(origin, behalf, name)
        if process is not origin:
            self._share(origin, process, len(body))
        self._last += 1
        now = self._clock()
        call = Call(
            self._last, syscall, origin, number, process, now, now + seconds, body, header[5]
        )
        call.harmless = self._registry.harmless(call)
        call.incarnation = origin.incarnation
        if process is origin:
            origin.seq = call.seq = origin.seq + 1
        process.syscalls += 1
        self._calls.add(call)
        return call

    def _share(self, origin: ControlBlock, process: ControlBlock, size: int) -> None:
        """Raise `TryAgain` for one of many that a driver or service calls for, where it has more of
        what that may have in flight than is left for all others.

        So n of them hold n/(n+1) together at most, and there is room for the next (Choudhury and
        Hahne 1998, dynamic thresholds with a factor of 1).
        """
        calls, held = MAX_IN_FLIGHT - len(origin.in_flight), MAX_BYTES - origin.in_flight_bytes
        if len(origin.in_flight) < calls and origin.in_flight_bytes + size <= held:
            return  # All of them together have less than is left.
        found = map(self._calls.get, origin.in_flight.values())
        own = [len(one.body) for one in found if one is not None and one.process is process]
        if len(own) >= calls or sum(own) + size > held:
            said = f"{len(own)} calls of process {process.pid} are on their way"
            raise TryAgain(said, retry_after=0.1)

    def _principal_of(self, origin: ControlBlock, behalf: Any, name: str) -> ControlBlock:
        """Return whose call a provider is serving, or whose session it opened; nobody else's."""
        if type(behalf) is int and behalf < 0:
            opener, session = self.sessions.get(-behalf, (None, None))
            if opener is origin and session is not None and session.state is not State.ZOMBIE:
                return session
        call = self._calls.get(behalf)
        if call is None or call.provider is not origin:
            raise self._denied(
                origin, name, f"{behalf!r} is no call that process {origin.pid} is serving"
            )
        return call.process

    def authorise(self, call: Call) -> Capability | None:
        """Return the capability by which a person is to be asked, None for a call that may pass.

        Raises `PermissionDenied` unless there is one.
        """
        process, syscall = call.process, call.syscall
        ceilings = self.ceilings(process)
        call.grant = process.capabilities.free(syscall.name)
        if call.grant is not None and all(one.free(syscall.name) for one in ceilings):
            return None
        arguments = call.arguments()
        subject = arguments.get(syscall.traits.subject) if syscall.traits.subject else None
        asked = (
            syscall.name,
            subject if isinstance(subject, str) else None,
            arguments,
            conditions(call),
        )
        verdict, call.grant = process.capabilities.judge(*asked)
        holder = f"process {process.pid}"
        for ceiling in ceilings:
            said, by = ceiling.judge(*asked)
            if said < verdict:
                verdict, call.grant, holder = said, by, f"the policy for {process.principal}"
        if verdict is Verdict.ALLOWED:
            return None
        grant = call.grant
        if verdict is Verdict.ASKED:
            return grant
        what = f"{syscall.name}:{subject}" if subject is not None else syscall.name
        what = line(what, LONGEST)
        if grant is None:
            reason = f"{holder} holds no capability for {what}"
        elif grant.limit and not grant.conditions:
            reason = f"{holder} has the limit {grant}, which refuses {what}"
        else:
            reason = f"{holder} holds {grant} and no more for {what}: {why(call, grant)}"
        raise self._denied(process, syscall.name, reason)

    def _denied(self, process: ControlBlock, name: str, reason: str) -> PermissionDenied:
        self.on_denied(process, name, reason)
        return PermissionDenied(reason)
