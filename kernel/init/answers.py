"""The approval interface, answered by process 1.

Interface:
    Answers         implements `Approval`
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ...syscalls.approval import SHOWN, Approval, Asked, Remember
from ...syscalls.codec import pack
from ...syscalls.errors import InvalidArgument, PermissionDenied
from ...syscalls.table import Description
from ..approvals import Ticket, conditions, why
from ..capability import Verdict
from ..process import ControlBlock, Kind
from ..shown import bounded, decoded
from .house import House


class Answers(Approval):
    """The calls that wait for the caller's principal."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def ls(self) -> list[Asked]:
        me = self._person()
        return [self._asked(one) for one in self._house.trap.approvals.tickets(me.principal)]

    async def answer(
        self,
        id: int,
        allow: bool,
        remember: Remember = "once",
        reason: str | None = None,
        done: bool = False,
        result: Any = None,
    ) -> Asked:
        me = self._person()
        ticket = self._house.trap.approvals.find(me.principal, id)
        doubtful, for_good = ticket.call.doubt is not None, remember == "process"
        if done and not (allow and doubtful):
            raise InvalidArgument("only a call in doubt that is allowed can be done already")
        if result is not None and not done:
            raise InvalidArgument("a result is that of a call that is done")
        if for_good and doubtful:
            raise InvalidArgument("a call in doubt is answered once")
        if allow:
            self._check(me, ticket)
        if done:
            await asyncio.to_thread(_check_result, ticket.call.syscall, result)
            ticket = self._house.trap.approvals.find(me.principal, id)
        asked = self._asked(ticket)
        by = f"{me.principal} ({me.name}, process {me.pid})"
        if doubtful and allow:
            by += ", as done before" if done else ", once more"
        self._house.trap.decide(
            ticket,
            allow=allow,
            for_good=for_good,
            reason=reason,
            by=by,
            result=pack(result) if done else None,
        )
        return asked

    def _person(self) -> ControlBlock:
        """Return the caller, which has to be a person or a token."""
        me = self._house.caller()
        if me.kind is not Kind.SESSION:
            raise PermissionDenied(f"only a person answers approvals, and {me.name} is no person")
        return me

    def _asked(self, ticket: Ticket) -> Asked:
        call = ticket.call
        process = call.process
        left = call.deadline - self._house.trap.clock()
        return Asked(
            id=ticket.id,
            pid=process.pid,
            name=process.name,
            syscall=call.syscall.name,
            subject=call.subject(),
            arguments=bounded(decoded(call.body), SHOWN),
            effect=call.effect,
            capability=str(ticket.grant),
            reason=why(call, ticket.grant),
            asked=ticket.asked,
            expires=time.time() + left if call.left is None else None,
            tainted=list(process.taints),
            by=None if call.origin is process else call.origin.pid,
            in_doubt=call.doubt,
        )

    def _check(self, me: ControlBlock, ticket: Ticket) -> None:
        """Raise `PermissionDenied` for whoever has no more right to the call than who asks."""
        call = ticket.call
        if call.process is me:
            raise PermissionDenied("nobody approves a call of its own")
        asked = (call.syscall.name, call.subject(), call.arguments(), conditions(call, me))
        for held in (me.capabilities, *self._house.principals.over(me)):
            if held.judge(*asked)[0] is not Verdict.ALLOWED:
                raise PermissionDenied(
                    f"{call.label()} is not yours to allow: you may not call it yourself"
                )


def _check_result(syscall: Description, result: Any) -> None:
    """Raise `InvalidArgument` for what is no result of a syscall. May take a while."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # A stream that is done has no more items. Nothing is fetched for a schema.
    schema = {"type": "null"} if syscall.traits.stream else syscall.result
    wrong = next(Draft202012Validator(schema, registry=Registry()).iter_errors(result), None)
    if wrong is not None:
        place = ".".join(["result", *map(str, wrong.absolute_path)])
        raise InvalidArgument(f"{place}: {syscall.name} returns no such thing: {wrong.message}")
