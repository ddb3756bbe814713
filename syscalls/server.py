"""The serving end of the bus: a driver, service or plugin answers its interface's syscalls.

Interface:
    Server(interface instance, …).attach(client)   answer what arrives on that connection
    caller()                                       who made the call being served
    charge(tokens=…)                               what that call has used
    taint(source)                                  that it has read what a stranger may have written
    serving(caller)                                stands for one in a unit test
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .client import Client
from .codec import pack, unpack
from .connection import Connection
from .errors import Cancelled, Internal, LLMAgentOSError, NoSyscall, ProtocolError
from .interface import Interface
from .message import INITIAL_CREDIT, VERSION, Kind, Signal
from .table import Syscall, SyscallTable

#: Seconds between two reports of what calls have used.
INTERVAL = 0.05
#: Sources that one call names, at most; by then its process is tainted.
SOURCES = 8


@dataclass(slots=True, kw_only=True)
class Caller:
    """Who made a call, as the kernel states it. The server alone writes it."""

    #: The process.
    pid: int
    #: The user that the process belongs to.
    principal: str
    #: The call's number, to make nested calls on the caller's behalf.
    call: int
    #: Seconds that were left for the call when it came; None where nobody said.
    deadline: float | None = None
    #: The caller's trace id, for telemetry.
    trace: Any = None
    #: Where the call stands now among those for the same device, the lowest first; empty for a
    #: call that was queued for none.
    rank: tuple[float, ...] = ()
    #: Whether it has read what a stranger may have written; what it stores is to be marked so.
    tainted: bool = False
    #: What serving it has used so far; `charge` adds to it.
    usage: dict[str, float] = field(default_factory=dict)
    #: What `taint` was told while serving it.
    sources: list[str] = field(default_factory=list)


_CALLER: ContextVar[Caller] = ContextVar("caller")
#: Told of what calls use and read.
_REPORTS: ContextVar[_Reports] = ContextVar("reports")


def caller() -> Caller:
    """Return who made the call being served. Raises LookupError outside of one."""
    return _CALLER.get()


def charge(**amounts: float) -> None:
    """Note what the call being served has used since the last time, such as tokens,
    device_seconds or money. The kernel is told while the call runs."""
    who = _CALLER.get()
    for resource, amount in amounts.items():
        who.usage[resource] = who.usage.get(resource, 0) + amount
    if (reports := _REPORTS.get(None)) is not None and any(amounts.values()):
        reports.charged(who)


def taint(source: str) -> None:
    """Say that the call being served gives its caller what a stranger may have written.

    `source` is for people: a URL, a file, another process. The kernel marks the process that the
    call is made for before that sees any item or result sent after this; call it before the first
    such one, on the loop or in a thread that the call awaits. A syscall that is declared
    `untrusted` needs none.
    """
    who = _CALLER.get()
    who.tainted = True
    if source in who.sources or len(who.sources) >= SOURCES:
        return
    who.sources.append(source)
    if (reports := _REPORTS.get(None)) is not None:
        reports.tainted(who, source)


@contextmanager
def serving(who: Caller) -> Iterator[None]:
    """Let `caller` say that `who` made a call, for code that is tested without a bus."""
    token = _CALLER.set(who)
    try:
        yield
    finally:
        _CALLER.reset(token)


class _Credit:
    """How many items of a stream may still be sent."""

    def __init__(self) -> None:
        self._left = INITIAL_CREDIT
        self._granted = asyncio.Event()

    def grant(self, count: int) -> None:
        self._left += count
        self._granted.set()

    async def take(self) -> None:
        while self._left <= 0:
            self._granted.clear()
            await self._granted.wait()
        self._left -= 1


class _Reports:
    """Tells the kernel now and then what running calls have used, and at once what taints them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._changed: dict[int, Caller] = {}
        self._told: dict[int, dict[str, float]] = {}  # by call, all that the kernel knows
        self._armed = False

    def tainted(self, who: Caller, source: str) -> None:
        """A call has read something. May be called on any thread."""
        header = (VERSION, Kind.SIGNAL, who.call, Signal.TAINT, source)
        if threading.get_ident() == self._thread:
            self._connection.send(header)
        else:
            # The thread's result reaches the loop by the same queue, and so after this.
            self._loop.call_soon_threadsafe(self._connection.send, header)

    def charged(self, who: Caller) -> None:
        """A call has used something. May be called on any thread."""
        self._changed[who.call] = who
        if not self._armed:
            self._armed = True
            self._loop.call_soon_threadsafe(self._loop.call_later, INTERVAL, self._send)

    def drop(self, call: int) -> None:
        """A call has ended; its answer says the rest."""
        self._changed.pop(call, None)
        self._told.pop(call, None)

    def _send(self) -> None:
        changed, self._changed, self._armed = self._changed, {}, False
        for who in list(changed.values()):
            told, usage = self._told.get(who.call, {}), dict(who.usage)
            fresh = {name: used - told.get(name, 0) for name, used in usage.items()}
            fresh = {name: used for name, used in fresh.items() if used}
            self._told[who.call] = usage
            self._connection.send((VERSION, Kind.SIGNAL, who.call, Signal.USAGE, fresh))


@dataclass(slots=True)
class _Running:
    who: Caller
    task: asyncio.Task[None]
    credit: _Credit


class Server:
    """Answers calls of one or more interfaces, each call in a task of the given group."""

    def __init__(self, tasks: asyncio.TaskGroup, *served: Interface) -> None:
        self.table = SyscallTable(*(type(one) for one in served))
        self._methods: dict[str, tuple[Syscall, Callable[..., Any]]] = {
            f"{one.interface_name}.{name}": (
                self.table[f"{one.interface_name}.{name}"],
                getattr(one, name),
            )
            for one in served
            for name in type(one).methods()
        }
        self._served = served
        self._tasks = tasks
        self._running: dict[int, _Running] = {}
        self._reports: _Reports | None = None

    def attach(self, client: Client) -> None:
        """Answer the requests that arrive on the client's connection.

        Attach before the client is opened: a request may be waiting already. When the connection
        is lost, the calls being served are cancelled: nobody waits for them any more.
        """
        client.on_request = self._on_request
        client.on_signal = self._on_signal
        client.on_lost = lambda error: self._cancel_all()
        self._reports = _Reports(client.connection)

    def _cancel_all(self) -> None:
        for running in self._running.values():
            running.task.cancel()

    def _on_request(self, connection: Connection, header: list[Any], body: bytes) -> None:
        kind, call = header[1], header[2]
        if kind == Kind.REQUEST:
            if len(header) < 9:
                raise ProtocolError("a request without its caller")
            who = Caller(
                pid=header[7],
                principal=header[8],
                call=call,
                deadline=header[4],
                trace=header[5],
                rank=tuple(header[9] or ()) if len(header) > 9 else (),
                tainted=len(header) > 10 and bool(header[10]),
            )
            credit = _Credit()
            work = self._serve(connection, header[3], body, who, credit)
            task = self._tasks.create_task(work)
            self._running[call] = _Running(who, task, credit)
            task.add_done_callback(partial(self._on_done, connection, who))
        elif (running := self._running.get(call)) is None:
            return  # The call has ended while this frame was on its way.
        elif kind == Kind.CREDIT:
            running.credit.grant(header[3] if len(header) > 3 and type(header[3]) is int else 0)
        else:
            running.task.cancel()

    def _on_signal(self, header: list[Any]) -> None:
        """Tell the interfaces what the kernel says; a call that has ended is past it."""
        if header[3:4] == [Signal.RANK] and header[2] in self._running:
            rank = self._running[header[2]].who.rank = tuple(header[4])
            for one in self._served:
                one.on_rank(header[2], rank)
        elif header[3:4] == [Signal.PROCESS]:
            for one in self._served:
                one.on_process(*header[4:7])

    def _on_done(self, connection: Connection, who: Caller, task: asyncio.Task[None]) -> None:
        self._running.pop(who.call, None)
        if self._reports is not None:
            self._reports.drop(who.call)
        if task.cancelled():
            # Answered as every call is, also one that was taken back before it could begin.
            _send_error(connection, who, Cancelled())

    async def _serve(
        self, connection: Connection, name: str, body: bytes, who: Caller, credit: _Credit
    ) -> None:
        _CALLER.set(who)
        if self._reports is not None:
            _REPORTS.set(self._reports)
        try:
            if name not in self._methods:
                raise NoSyscall(f"{name!r} is not served here")
            entry, method = self._methods[name]
            result = method(**entry.check(unpack(body)))
            if entry.traits.stream:
                await _send_items(connection, who.call, result, credit)
                result = None
            elif inspect.isawaitable(result):
                result = await result
            connection.send((VERSION, Kind.REPLY, who.call, who.usage or None), pack(result))
        except LLMAgentOSError as error:
            _send_error(connection, who, error)
        except Exception as error:
            _send_error(
                connection, who, Internal(f"{name} failed: {type(error).__name__}: {error}")
            )


async def _send_items(
    connection: Connection, call: int, items: AsyncIterator[Any], credit: _Credit
) -> None:
    async for item in items:
        await credit.take()
        await connection.writable.wait()
        connection.send((VERSION, Kind.ITEM, call), pack(item))


def _send_error(connection: Connection, who: Caller, error: LLMAgentOSError) -> None:
    body = pack([error.message, error.details])
    connection.send((VERSION, Kind.ERROR, who.call, error.code, who.usage or None), body)
