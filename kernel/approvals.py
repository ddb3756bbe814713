"""Calls that wait until a person allows them.

Such a call has its capability and nothing else yet: no budget, no device's slot, no record of an
intent. Its deadline goes on. It leaves by an answer, or by its end like any other call.

One that is in doubt went out before, and nobody knows whether it had its effect. It waits for much
longer, and a person may also say that it has happened, and what it returns.

Interface:
    Ticket          one that waits
    Approvals       `ask`, `take`, `forget`; `answered` for what was answered for good
    conditions      what holds for a call that its arguments do not tell
    why             why a capability does not let it pass
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..syscalls.errors import NotFound, PermissionDenied, TryAgain
from .call import Call
from .capability import EFFECTLESS, UNTAINTED, Capability
from .process import ControlBlock
from .shown import line

#: Calls of one process, and of all of a principal's, that may wait for a person.
OF_PROCESS, OF_PRINCIPAL = 16, 256
#: Numbers of a kernel's own: an answer to what a kernel before has asked finds no other call.
NUMBERS = 1000
#: Characters of an event's text.
LONGEST = 400
#: Seconds for which a call in doubt waits for a person.
PATIENCE = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A call that waits for a person."""

    id: int
    call: Call
    #: The capability that asks.
    grant: Capability
    #: Seconds since 1970.
    asked: float


class Approvals:
    """The calls that wait, and what was answered for good. The trap lets calls go on."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        #: Told of an event: its kind, a text, a pid, and details.
        self.emit: Callable[..., None] = lambda kind, text, pid, **details: None
        self._now = now
        self._tickets: dict[int, Ticket] = {}
        #: The number of the last one.
        self.last = 0

    def tickets(self, principal: str) -> list[Ticket]:
        """Return what waits for a principal's people, the oldest first."""
        return [one for one in self._tickets.values() if one.call.process.principal == principal]

    def of(self, process: ControlBlock) -> list[Call]:
        """Return the calls made for a process that wait, whoever makes them."""
        return [one.call for one in self._tickets.values() if one.call.process is process]

    def find(self, principal: str, id: int) -> Ticket:
        """Return one that waits for a principal's people. Raises `NotFound`."""
        ticket = self._tickets.get(id)
        if ticket is None or ticket.call.process.principal != principal:
            raise NotFound(f"no call waits for approval {id}")
        return ticket

    def answered(self, call: Call, grant: Capability) -> bool:
        """Whether such calls of the process were allowed for good.

        Raises `PermissionDenied` where they were denied.
        """
        allowed = call.process.answers.get(_alike(call, grant))
        if allowed is False:
            raise PermissionDenied(f"{call.label()} was denied for as long as the process lives")
        return bool(allowed)

    def ask(self, call: Call, grant: Capability) -> None:
        """Let a call wait. Raises `TryAgain` where too many do."""
        process = call.process
        if (
            len(self.of(process)) >= OF_PROCESS
            or len(self.tickets(process.principal)) >= OF_PRINCIPAL
        ):
            raise TryAgain("too many calls wait for approval", retry_after=1)
        self.last += 1
        call.approval = self.last
        self._tickets[self.last] = Ticket(id=self.last, call=call, grant=grant, asked=self._now())
        verb = "asks for" if call.doubt is None else "asks whether to repeat"
        self._say("asked", call, f"{verb} {call.label()}: {why(call, grant)}")

    def take(
        self,
        ticket: Ticket,
        *,
        allow: bool,
        for_good: bool,
        reason: str | None,
        happened: bool = False,
    ) -> None:
        """Note an answer; the call waits no longer."""
        call = ticket.call
        if for_good:
            call.process.answers[_alike(call, ticket.grant)] = allow
        said = f"was {'allowed' if allow else 'denied'} {call.label()}"
        if happened:
            said = f"was told that {call.label()} has happened"
        self._say("answered", call, said + (f": {reason}" if reason else ""), allowed=allow)
        self._drop(call)

    def forget(self, call: Call) -> None:
        """A call that waits has come to its end."""
        self._say("withdrawn", call, f"asks no longer for {call.label()}")
        self._drop(call)

    def _drop(self, call: Call) -> None:
        del self._tickets[call.approval]
        call.approval = 0

    def _say(self, what: str, call: Call, text: str, **details: Any) -> None:
        process, name = call.process, call.syscall.name
        self.emit(
            f"approval.{what}", line(f"{process.name} {text}", LONGEST), process.pid,
            id=call.approval, syscall=name, **details,
        )  # fmt: skip


def conditions(call: Call, who: ControlBlock | None = None) -> frozenset[str]:
    """Return what holds, besides its arguments, for a call by its process or by somebody else."""
    holds = set() if (who or call.process).taints else {UNTAINTED}
    return frozenset(holds if call.effect else {*holds, EFFECTLESS})


def why(call: Call, grant: Capability) -> str:
    """Return why a grant that concerns a call does not let it pass, for people."""
    if call.doubt is not None:
        return "it went out before, and nobody knows whether it had its effect"
    missing = grant.conditions - conditions(call)
    reasons = [
        *([f"the process has read {call.process.taints[0]}"] if UNTAINTED in missing else []),
        *(["it has an effect"] if EFFECTLESS in missing else []),
    ]
    return " and ".join(reasons) or "every such call is asked about"


def _alike(call: Call, grant: Capability) -> tuple[str, str, bool]:
    # What was allowed to an untainted process is not what a tainted one asks for.
    return str(grant), call.label(), bool(call.process.taints)
