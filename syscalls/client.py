"""A process's end of the syscall bus: calls go out, answers come in.

Interface:
    Client.call      one syscall, awaited
    Client.stream    one streaming syscall, iterated
    Client.proxy     an interface's methods as typed calls
    Client.again     how to connect once more when the connection is lost
    connect          a client over a socket that the kernel handed to this process
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from .codec import pack, unpack
from .connection import Connection
from .errors import (
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    InvalidArgument,
    LLMAgentOSError,
    ProtocolError,
    from_wire,
)
from .interface import Interface, Traits
from .message import INITIAL_CREDIT, VERSION, Kind, Signal
from .table import Syscall, read

I = TypeVar("I", bound=Interface)  # noqa: E741
#: Seconds after its deadline at which a call is given up whose kernel says nothing.
GRACE = 5.0
_TOLD = frozenset({Kind.REPLY, Kind.ERROR, Kind.ITEM})
OnRequest = Callable[[Connection, list[Any], bytes], None]


class ItemStream:
    """The items of one streaming call, in order, with credit-based back-pressure."""

    def __init__(self, grant: Callable[[int], None]) -> None:
        self._grant = grant
        self._items: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._error: LLMAgentOSError | None = None
        self._ended = False
        self._consumed = 0

    def put(self, item: Any) -> None:
        """Take an item that arrived."""
        self._items.append(item)
        self._arrived.set()

    def end(self, error: LLMAgentOSError | None) -> None:
        """Take the end; what has arrived before it is still handed out first."""
        self._ended, self._error = True, error
        self._arrived.set()

    async def next(self) -> Any:
        """Return the next item. Raises `StopAsyncIteration` at the end, or the call's error."""
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._consumed += 1
        # Credit goes back in halves of the window: fewer frames, and the provider never starves.
        if self._consumed == INITIAL_CREDIT // 2:
            self._grant(self._consumed)
            self._consumed = 0
        return self._items.popleft()


class Client:
    """Sends calls over one connection and matches their answers. One event loop only."""

    def __init__(self) -> None:
        self.connection = Connection(self._on_frame, self._on_lost)
        #: Where requests, credits and cancellations go when this process also serves.
        self.on_request: OnRequest | None = None
        #: Where the kernel's signals go, but for PING, which the client answers itself.
        self.on_signal: Callable[[list[Any]], None] | None = None
        #: Told when the connection has ended, and why.
        self.on_lost: Callable[[LLMAgentOSError], None] | None = None
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, ItemStream] = {}
        self._lost: LLMAgentOSError | None = None
        #: Connects anew when the connection is lost; raises OSError where nobody is there. Then
        #: calls that may be repeated are sent again, and others end in what is known of them.
        self.again: Callable[[], Awaitable[socket.socket]] | None = None
        self._requests: dict[int, Request] = {}  # unanswered, while `again` is there
        self._returning: asyncio.Task[None] | None = None
        self._closed = False
        #: Hands out what the kernel says, on a loop that has its own time for that.
        self._deliver: Callable[[Callable[[], None]], None] | None = None
        #: Set once the connection has ended.
        self.lost = asyncio.Event()

    async def call(
        self,
        syscall: str,
        arguments: dict[str, Any] | None = None,
        *,
        deadline: float | None = None,
        behalf: int | None = None,
        traits: Traits | None = None,
    ) -> Any:
        """Make one syscall and return its result in plain values.

        `deadline` is in seconds, None for the syscall's own. Cancelling the awaiting task takes
        the call back. Raises the `LLMAgentOSError` that the call ended in.
        """
        call, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._send_request(call, syscall, arguments, deadline, behalf, traits)
        self._calls[call] = answer
        try:
            if (patience := self._patience(deadline, traits)) is None:
                return await answer
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            raise DeadlineExceeded(f"{syscall} had no answer in time from any kernel") from None
        finally:
            self._requests.pop(call, None)
            if self._calls.pop(call, None) is not None:
                self.connection.send((VERSION, Kind.CANCEL, call))

    async def stream(
        self,
        syscall: str,
        arguments: dict[str, Any] | None = None,
        *,
        deadline: float | None = None,
        behalf: int | None = None,
    ) -> AsyncIterator[Any]:
        """Make one streaming syscall and yield its items; leaving early takes the call back."""
        call = next(self._numbers)
        items = ItemStream(lambda n: self.connection.send((VERSION, Kind.CREDIT, call, n)))
        self._send_request(call, syscall, arguments, deadline, behalf, None)
        self._streams[call] = items
        try:
            while True:
                try:
                    item = await items.next()
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._requests.pop(call, None)
            if self._streams.pop(call, None) is not None:
                self.connection.send((VERSION, Kind.CANCEL, call))

    def proxy(self, interface: type[I], *, behalf: int | None = None) -> I:
        """Return an object whose methods, typed as the interface's, are calls."""
        return cast(I, _Proxy(self, read(interface), behalf))

    async def open(self, sock: socket.socket) -> None:
        """Start on a connected stream socket, which the client then owns.

        Whoever serves as well attaches its server before: requests may already be waiting.
        Raises `InvalidArgument` for a socket of another type.
        """
        if sock.type & socket.SOCK_STREAM != socket.SOCK_STREAM:
            raise InvalidArgument("the bus speaks over a stream socket")
        loop = asyncio.get_running_loop()
        self._deliver = getattr(loop, "deliver", None)
        await loop.create_connection(lambda: self.connection, sock=sock)

    def close(self) -> None:
        """End the connection; calls in flight end in `DeviceError`."""
        self._closed = True
        if self._returning is not None:
            self._returning.cancel()
        self.connection.close()

    def _patience(self, deadline: float | None, traits: Traits | None) -> float | None:
        """Return after how many seconds a call is given up. A kernel ends it sooner, if there is
        one: for whoever waits for the next one nobody else does."""
        if self.again is None:
            return None
        given = deadline if deadline is not None or traits is None else traits.deadline
        return None if given is None else given + GRACE

    def _send_request(
        self,
        call: int,
        syscall: str,
        arguments: dict[str, Any] | None,
        deadline: float | None,
        behalf: int | None,
        traits: Traits | None,
    ) -> None:
        if self._lost is not None:
            raise self._lost
        body = pack(arguments or {})
        header = (VERSION, Kind.REQUEST, call, syscall, deadline, None, behalf)
        if self.again is not None:
            self._requests[call] = Request(header, body, traits, self._returning is None)
        self.connection.send(header, body)

    def _on_frame(self, connection: Connection, header: list[Any], body: bytes) -> None:
        if self._deliver is not None and header[1] in _TOLD:
            self._deliver(lambda: self._take(connection, header, body))
        else:
            self._take(connection, header, body)

    def _take(self, connection: Connection, header: list[Any], body: bytes) -> None:
        kind, call = header[1], header[2]
        if kind == Kind.REPLY:
            answer = self._calls.pop(call, None)
            if answer is not None:
                if not answer.done():
                    answer.set_result(unpack(body))
            elif (stream := self._streams.pop(call, None)) is not None:
                stream.end(None)
        elif kind == Kind.ITEM:
            if (stream := self._streams.get(call)) is not None:
                stream.put(unpack(body))
        elif kind == Kind.ERROR:
            self._fail(call, _error(header, body))
        elif kind == Kind.SIGNAL:
            if header[3:] == [Signal.PING]:
                connection.send((VERSION, Kind.SIGNAL, 0, Signal.PONG))
            elif self.on_signal is not None:
                self.on_signal(header)
        elif self.on_request is not None:
            self.on_request(connection, header, body)
        else:
            raise ProtocolError("this process serves no syscalls")

    def _fail(self, call: int, error: LLMAgentOSError) -> None:
        if call == 0:
            # An error that belongs to no call says why the peer is about to hang up.
            self._lost = error
            return
        answer = self._calls.pop(call, None)
        if answer is not None and not answer.done():
            answer.set_exception(error)
        elif (stream := self._streams.pop(call, None)) is not None:
            stream.end(error)

    def _on_lost(self, _: Connection) -> None:
        if self.again is None or self._closed or self._lost is not None:
            self._end()
        else:
            self._returning = asyncio.get_running_loop().create_task(self._return(self.again))

    async def _return(self, again: Callable[[], Awaitable[socket.socket]]) -> None:
        """Connect anew, and ask again what may be asked twice."""
        for stream in self._streams.values():
            stream.end(DeviceError("the stream was cut: the connection to the kernel was lost"))
        for call, request in list(self._requests.items()):
            answer = self._calls.get(call)
            if answer is None or (request.sent and not request.repeatable):
                del self._requests[call]
                if answer is not None and not answer.done():
                    answer.set_exception(request.lost())
        try:
            sock = await again()
            self.connection = Connection(self._on_frame, self._on_lost)
            await self.open(sock)
        except (OSError, LLMAgentOSError):
            self._end()
            return
        self._returning = None
        for request in self._requests.values():
            request.sent = True
            self.connection.send(request.header, request.body)

    def _end(self) -> None:
        self._lost = error = self._lost or DeviceError("the connection to the kernel is lost")
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(error)
        for stream in self._streams.values():
            stream.end(error)
        self._calls.clear()
        self._streams.clear()
        self.lost.set()
        if self.on_lost is not None:
            self.on_lost(error)


@dataclass(slots=True)
class Request:
    """A call that has no answer yet."""

    header: tuple[Any, ...]
    body: bytes
    #: What it is declared as; None where nobody has said.
    traits: Traits | None
    #: Whether it may have reached the kernel.
    sent: bool

    @property
    def repeatable(self) -> bool:
        """Whether to ask twice does no harm."""
        return self.traits is not None and self.traits.idempotent

    def lost(self) -> LLMAgentOSError:
        """Say honestly what is known of it once the kernel is gone."""
        name = self.header[3]
        if self.traits is None or self.traits.effect:
            return InDoubt(f"{name}: the kernel died over it; it may or may not have happened")
        return DeviceError(f"{name}: the kernel died over it")


class _Proxy:
    """One interface's methods as calls."""

    def __init__(self, client: Client, entries: tuple[Syscall, ...], behalf: int | None) -> None:
        for entry in entries:
            make = _streaming if entry.traits.stream else _calling
            setattr(self, entry.name.partition(".")[2], make(client, entry, behalf))


def _calling(client: Client, entry: Syscall, behalf: int | None) -> Callable[..., Any]:
    async def method(*args: Any, **kwargs: Any) -> Any:
        arguments = entry.bind(args, kwargs)
        raw = await client.call(entry.name, arguments, behalf=behalf, traits=entry.traits)
        return entry.result.validate_python(raw)

    method.__doc__ = entry.doc
    return method


def _streaming(client: Client, entry: Syscall, behalf: int | None) -> Callable[..., Any]:
    async def method(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async for raw in client.stream(entry.name, entry.bind(args, kwargs), behalf=behalf):
            yield entry.result.validate_python(raw)

    method.__doc__ = entry.doc
    return method


def _error(header: list[Any], body: bytes) -> LLMAgentOSError:
    value = unpack(body)
    if len(header) < 4 or type(value) is not list or len(value) != 2:
        raise ProtocolError("an error frame without code, message and details")
    message, details = value
    if type(details) is not dict:
        raise ProtocolError("an error's details are no map")
    return from_wire(str(header[3]), str(message), {str(k): v for k, v in details.items()})


async def connect(
    sock: socket.socket, again: Callable[[], Awaitable[socket.socket]] | None = None
) -> Client:
    """Return a client over a connected stream socket, which it then owns; see `Client.again`."""
    client = Client()
    client.again = again
    await client.open(sock)
    return client
