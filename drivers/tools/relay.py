"""The driver's end of the line to a tool's process.

The process asks for its order, makes syscalls, and hands its answer in, all as calls on one socket.
Its syscalls are made here, with the rights and on the budget of whoever called the tool.

Interface:
    Relay           `answer` waits for what the process hands in; `close` stops its syscalls
"""

from __future__ import annotations

import asyncio
from typing import Any

from ...syscalls.codec import pack, unpack
from ...syscalls.connection import Connection
from ...syscalls.errors import LLMAgentOSError, ProtocolError, TryAgain
from ...syscalls.message import VERSION, Kind
from ...syscalls.os import OS

#: Syscalls of one tool at the same time.
CALLS = 64


class Relay:
    """Serves one process; the calls in it run in the given group."""

    def __init__(self, os: OS, order: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        #: The protocol to put on the socket.
        self.connection = Connection(self._on_frame, self._on_lost, throttled=True)
        self._os, self._order, self._tasks = os, order, tasks
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def answer(self) -> Any:
        """Return what the process hands in; None when it hangs up instead."""
        return await self._answer

    def close(self) -> None:
        """Take the calls back that nobody waits for any more."""
        self.connection.close()
        for task in self._calls.values():
            task.cancel()

    def _on_frame(self, _: Connection, header: list[Any], body: bytes) -> None:
        kind, number = header[1], header[2]
        if kind == Kind.CANCEL:
            if (taken_back := self._calls.pop(number, None)) is not None:
                taken_back.cancel()
            return
        if kind != Kind.REQUEST or len(header) < 5 or number in self._calls:
            raise ProtocolError("a tool's process makes calls and nothing else")
        if header[3] == "order":
            self._reply(number, self._order)
        elif header[3] == "answer":
            self._hand_in(unpack(body))
            self._reply(number, None)
        elif len(self._calls) == CALLS:
            full = f"a tool makes at most {CALLS} calls at once"
            self._refuse(number, TryAgain(full, retry_after=0.1))
        else:
            task = self._tasks.create_task(self._serve(header, body))
            self._calls[number] = task
            # Not left to the task itself: one that is cancelled before it starts does nothing.
            task.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _serve(self, header: list[Any], body: bytes) -> None:
        number, name, deadline = header[2:5]
        try:
            arguments = unpack(body)
            timed = deadline is None or isinstance(deadline, (int, float))
            if not (isinstance(name, str) and isinstance(arguments, dict) and timed):
                raise ProtocolError("a call is a name, a map of arguments and a deadline")
            self._reply(number, await self._os.call(name, arguments, deadline=deadline))
        except LLMAgentOSError as error:
            self._refuse(number, error)

    def _reply(self, number: int, result: Any) -> None:
        self.connection.send((VERSION, Kind.REPLY, number, None), pack(result))

    def _refuse(self, number: int, error: LLMAgentOSError) -> None:
        body = pack([error.message, error.details])
        self.connection.send((VERSION, Kind.ERROR, number, error.code), body)

    def _hand_in(self, answer: Any) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)

    def _on_lost(self, _: Connection) -> None:
        self._hand_in(None)
