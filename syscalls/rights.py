"""Rights: the policy in force, rights that are taken back, the audit, and the drivers' secrets.

Interface:
    Rights          the syscalls
    PolicyInfo      the policy in force
    Audited         one call: who asked for what, and why it was allowed or refused
    SecretInfo      a secret, without its value
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import MaxLen, MinLen

from .interface import Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInfo:
    """The policy in force."""

    #: The files that it was read from.
    files: list[str]
    #: By role, `capabilities` and `budget`.
    roles: dict[str, dict[str, Any]]
    #: By principal, `roles`, `socket` and what has been `spent`.
    principals: dict[str, dict[str, Any]]
    #: Limits of every agent.
    agents: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One call that has ended."""

    #: Seconds since 1970.
    time: float
    #: Whose rights it was made with, that one's principal and name, and the pid of whoever made it
    #: on its behalf.
    pid: int
    principal: str
    name: str
    by: int | None
    syscall: str
    #: What it was about, such as a tool's name.
    subject: str | None
    #: `ok` or the error's code.
    outcome: str
    #: The capability that let it pass, or that refused it; None where nothing named such a call.
    grant: str | None
    #: Why it was refused; None for one that was not.
    reason: str | None
    #: Who has allowed it, where a person was asked.
    approver: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInfo:
    """A secret, without its value."""

    name: str
    #: Seconds since 1970 when it was set.
    set: float


class Rights(Interface, name="rights"):
    """Who may do what, and who has done what. For people: a token has it only by its name."""

    @syscall(idempotent=True)
    async def policy(self) -> PolicyInfo:
        """Return the policy in force. The owner alone sees all principals."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def reload(self) -> PolicyInfo:
        """Read the policy's files again; it holds for every process from its next call on.

        Raises `InvalidArgument` naming the file and the key; then the old policy holds on.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def revoke(self, pid: int, capabilities: list[str]) -> list[int]:
        """Take rights from a process and all below it, from their next call on.

        A part of a grant is taken as well: of `tool.*`, `tool.call:shell`. Returns the pids.
        Raises `NotFound`, and `PermissionDenied` for a process that the caller cannot steer.
        """
        raise NotImplementedError

    @syscall(stream=True, deadline=86_400.0)
    async def audit(
        self,
        pid: int | None = None,
        principal: str | None = None,
        capability: str | None = None,
        denied: bool = False,
        since: float | None = None,
        follow: bool = False,
    ) -> AsyncIterator[Audited]:
        """Yield calls from the journal, the oldest first, and with `follow` those to come.

        `capability`: only calls that it names; `since`: seconds since 1970. The owner sees all
        principals' calls, anybody else those of its own.
        """
        raise NotImplementedError
        yield

    @syscall(effect=True, idempotent=True)
    async def secret_set(
        self,
        name: Annotated[str, MaxLen(64)],
        value: Annotated[str, MinLen(8), MaxLen(16_384)],
    ) -> list[str]:
        """Keep a secret for drivers' settings, where `secret:NAME` stands for it.

        Returns the drivers and services that use it, which start again with it.
        Raises `InvalidArgument` for a name that is none. The owner alone may call it.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def secret_ls(self) -> list[SecretInfo]:
        """Return the secrets by name, without their values. The owner alone may call it."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def secret_rm(self, name: str) -> None:
        """Forget a secret. Raises `NotFound`. The owner alone may call it."""
        raise NotImplementedError
