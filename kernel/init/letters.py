"""The ipc interface, answered by process 1.

Interface:
    Letters         implements `Ipc`
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from ...syscalls.codec import unpack
from ...syscalls.errors import NotFound
from ...syscalls.ipc import Ipc, Letter
from ...syscalls.server import taint
from ..call import Call
from ..process import State
from .house import House


class Letters(Ipc):
    """Messages between processes of one principal."""

    def __init__(self, house: House) -> None:
        self._house = house
        house.agents.on_end.append(lambda process: house.post.close(process.pid))
        house.trap.give_back(self._put_back)

    async def send(self, to: int, body: Any) -> None:
        target = self._house.visible(to)
        if target.state is State.ZOMBIE:
            raise NotFound(f"process {to} has ended")
        me = self._house.caller()
        self._house.post.send(me.pid, to, body, bool(me.taints))

    async def recv(self) -> Letter:
        return _handed_out(await self._house.post.receive(self._house.caller().pid))

    async def publish(self, topic: str, body: Any) -> int:
        me = self._house.caller()
        return self._house.post.publish(me.principal, me.pid, topic, body, bool(me.taints))

    async def subscribe(self, topic: str) -> AsyncIterator[Letter]:
        me = self._house.caller()
        async for letter in self._house.post.subscribe(me.principal, topic, me.pid):
            yield _handed_out(letter)

    def _put_back(self, call: Call, letter: bytes) -> None:
        if call.process.state is not State.ZOMBIE:
            self._house.post.put_back(call.process.pid, Letter(**unpack(letter)))


def _handed_out(letter: Letter) -> Letter:
    if letter.untrusted:
        taint(f"a letter of process {letter.sender}")
    return letter
