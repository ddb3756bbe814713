"""The system as a whole: what it can do, how it is, who may use it.

Interface:
    System          the syscalls
    Description     one syscall, as programs and people are told of it
    Status          how the daemon is
    JournalInfo     what the journal holds
    ServiceInfo     a driver or service and how it is
    TokenInfo       a token, without its secret
    Session         what a token stands for
    Event           something that happened
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from .interface import Interface, syscall
from .table import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """A driver or service and how it is."""

    name: str
    #: `driver` or `service`.
    kind: str
    pid: int | None
    #: `starting`, `ready`, `waiting` (to be restarted), `failed`, `stopped`.
    state: str
    restarts: int
    #: Why it last ended, or could not start.
    reason: str | None = None
    #: Where it comes from: the distribution that declares it.
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the daemon is."""

    version: str
    os_pid: int
    #: Seconds since it started.
    uptime: float
    #: Processes by state.
    processes: dict[str, int]
    #: Calls answered since the start, and those on their way.
    syscalls: int
    in_flight: int
    services: list[ServiceInfo]
    #: Whether every driver and service answers.
    ready: bool
    #: `healthy`, or why the journal takes no records.
    journal: str
    #: Folder of its state.
    state: str
    #: Address of the HTTP API; None while it is not up.
    url: str | None = None
    #: Bytes of memory that the kernel, and it with all its processes, hold.
    memory: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalInfo:
    """What the journal holds."""

    files: int
    #: Bytes of all files.
    size: int
    records: int
    #: Files that end within a record, since their writer was killed.
    torn: int
    #: Records that cannot be read, and where the first of them stands and why.
    damaged: int
    first: str | None
    #: Effects that went out and whose end nobody has written down.
    doubtful: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token, without its secret."""

    id: str
    name: str
    principal: str
    capabilities: list[str]
    budget: dict[str, float]
    created: float
    #: Seconds since 1970; None for never.
    expires: float | None
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token at the only moment when its secret is shown."""

    secret: str
    info: TokenInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a token stands for: a process without a program, whose rights its calls have. A key
    that a program was given stands for its own process."""

    pid: int
    principal: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    #: Seconds since 1970.
    time: float
    #: Such as `process.started`, `process.exited`, `service.restarted`, `device.ready`.
    kind: str
    pid: int | None
    #: For people.
    text: str
    details: dict[str, Any] = field(default_factory=dict)


class System(Interface, name="system"):
    """The kernel's own affairs."""

    @syscall(idempotent=True)
    async def table(self) -> list[Description]:
        """Return every syscall that somebody answers, by name."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def status(self) -> Status:
        """Return how the daemon is."""
        raise NotImplementedError

    @syscall(idempotent=True, deadline=600.0)
    async def journal(self) -> JournalInfo:
        """Read the whole journal and return what it holds. Raises `InputOutputError`."""
        raise NotImplementedError

    @syscall(effect=True)
    async def provide(self, syscalls: list[Description]) -> None:
        """Say that the caller answers these syscalls. Raises `AlreadyExists`."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def effects(self, name: str, of: dict[str, bool]) -> None:
        """Say which subjects of a syscall that the caller answers have an effect, such as tools.

        It holds while the caller answers it, in place of what it has said before; a subject that is
        not named has an effect where the syscall is declared so. Raises `PermissionDenied` for a
        syscall that somebody else answers.
        """
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def ready(self, url: str | None = None) -> None:
        """Say that the calling driver or service is up, and where it can be reached."""
        raise NotImplementedError

    @syscall(effect=True)
    async def shutdown(self) -> None:
        """Stop everything in reverse order of its start."""
        raise NotImplementedError

    @syscall(stream=True, deadline=86_400.0)
    async def events(self, follow: bool = True, tail: int = 100) -> AsyncIterator[Event]:
        """Yield the last `tail` events, and with `follow` those to come.

        The owner is told of all, anybody else of its own processes.
        """
        raise NotImplementedError
        yield

    @syscall(effect=True)
    async def token_create(
        self,
        name: str,
        capabilities: list[str] | None = None,
        budget: dict[str, float] | None = None,
        expires_in: float | None = None,
        principal: str | None = None,
    ) -> NewToken:
        """Make a bearer token for the HTTP API, with a subset of the caller's rights.

        The owner may make one for another `principal` of the policy, with what that allows. It
        expires in up to a century, if `expires_in` seconds are given. One that has ended is listed
        for a week. Raises `InvalidArgument` for capabilities that no call could be of, and
        `QuotaExceeded` where a principal has 1,000.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def token_ls(self) -> list[TokenInfo]:
        """Return the caller's tokens, without their secrets."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def token_revoke(self, id: str, capabilities: list[str] | None = None) -> None:
        """End a token, or take only these rights from it; so for all that was made or started with
        it, from its next call on. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(effect=True)
    async def session(self, secret: str) -> Session:
        """Return what a token stands for; the gateway alone may ask.

        Calls made with `behalf=-session.pid` run with that session's rights and budget.
        Raises `PermissionDenied` for an unknown, expired or revoked token.
        """
        raise NotImplementedError
