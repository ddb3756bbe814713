"""Approvals: calls that wait until a person allows them.

A capability that ends in `?` lets a call pass only then, one with conditions and a `?` only then
where they do not hold. The call waits in the kernel until it is answered or its deadline has
passed, which denies it.

A durable process that was started with `in_doubt="ask"` has a person asked of each effect that went
out and of whose end nobody knows, for a day: whether it is to be repeated, has happened, or ends in
`InDoubt`, as it does when it is denied or nobody answers.

Interface:
    Approval        the syscalls
    Asked           a call that waits
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import MaxLen

from .interface import Interface, syscall

#: Bytes of a call's arguments that are shown; of longer ones the beginning, and how long they are.
SHOWN = 16 * 1024
Remember = Literal["once", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that waits for a person."""

    id: int
    #: The process that it is made for, and that one's name.
    pid: int
    name: str
    syscall: str
    #: What it is about, such as a tool's name.
    subject: str | None
    #: The arguments; the beginning as text where they are longer than `SHOWN` bytes.
    arguments: Any
    #: Whether it changes something outside the operating system.
    effect: bool
    #: The capability that asks, and why it does.
    capability: str
    reason: str
    #: Seconds since 1970 when it was asked, and when it is denied for want of an answer; None while
    #: its process is suspended.
    asked: float
    expires: float | None
    #: Where what a stranger may have written has reached the process from.
    tainted: list[str] = field(default_factory=list)
    #: Seconds since 1970 when it went out before, of a call in doubt; None for any other.
    in_doubt: float | None = None
    #: Pid of whoever makes the call on the process's behalf; None for one of its own.
    by: int | None = None


class Approval(Interface, name="approval"):
    """A person answers calls that wait; agents, drivers and services cannot."""

    @syscall(idempotent=True)
    async def ls(self) -> list[Asked]:
        """Return the calls of the caller's principal that wait, the oldest first."""
        raise NotImplementedError

    @syscall(effect=True)
    async def answer(
        self,
        id: int,
        allow: bool,
        remember: Remember = "once",
        reason: Annotated[str, MaxLen(1000)] | None = None,
        done: bool = False,
        result: Any = None,
    ) -> Asked:
        """Let a call go on, or deny it with a reason, and return what it was.

        To allow a call in doubt is to repeat it, unless it is said to be `done`: then it returns
        `result`, and nothing else happens. Raises `InvalidArgument` for a result that is none of
        that syscall's, and for `done` of a call that is not in doubt.

        With `remember="process"` the answer holds for what the same process asks of the same
        capability about the same subject, until it ends; what was allowed while it was untainted
        is asked again once it is tainted. Raises `NotFound` for a call that does not wait (any
        more), and `PermissionDenied` for one of the caller's own, or that the caller may not make
        without a question itself.
        """
        raise NotImplementedError
