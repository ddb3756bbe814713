"""What a caller may ask for once its call is on its way."""

from __future__ import annotations

import asyncio
from typing import Any

from llmagentos.kernel.requests import MAX_CREDIT
from llmagentos.syscalls.message import VERSION, Kind

from .house import House, play


def test_consumer_cannot_ask_for_more_items_than_may_be_ahead() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent()
        arrived = 0
        enough = asyncio.Event()

        def count(connection: Any, header: list[Any], body: bytes) -> None:
            nonlocal arrived
            arrived += header[1] == Kind.ITEM
            if header[1] == Kind.REPLY or arrived == MAX_CREDIT:
                enough.set()

        agent.connection._on_frame = count
        header = (VERSION, Kind.REQUEST, 77, "store.items", None, None, None)
        agent.connection.send(header, b"\x81\xa5count\xcd\xff\xff")
        agent.connection.send((VERSION, Kind.CREDIT, 77, 10**9))
        await enough.wait()
        (call,) = house.trap._calls
        assert call.credit >= 0
        assert arrived <= MAX_CREDIT
        agent.connection.send((VERSION, Kind.CANCEL, 77))

    play(scene)
