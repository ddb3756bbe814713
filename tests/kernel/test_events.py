"""Events are kept to a bound and followed by everybody who looks."""

from __future__ import annotations

import asyncio

import pytest

from llmagentos.kernel.events import Channel, EventLog
from llmagentos.syscalls.system import Event

from .conftest import play, settle


def test_event_says_when_what_and_who() -> None:
    log = EventLog(now=lambda: 12.5)
    log.emit("process.exited", "clerk ended", 7, code=3)
    assert log.last(10) == [
        Event(time=12.5, kind="process.exited", pid=7, text="clerk ended", details={"code": 3})
    ]


@pytest.mark.parametrize(
    ("count", "texts"), [(0, []), (-1, []), (2, ["3", "4"]), (3, ["2", "3", "4"]), (9, list("234"))]
)
def test_only_the_last_events_are_kept(count: int, texts: list[str]) -> None:
    log = EventLog(limit=3)
    for number in range(5):
        log.emit("kind", str(number))
    assert [event.text for event in log.last(count)] == texts


def test_follower_sees_the_last_events_and_those_to_come() -> None:
    async def scene() -> None:
        log = EventLog()
        for text in "abc":
            log.emit("kind", text)
        seen, other = log.follow(2), log.follow(0)
        assert [(await anext(seen)).text for _ in range(2)] == ["b", "c"]
        waiting = [asyncio.ensure_future(anext(one)) for one in (seen, other)]
        await settle()
        assert not any(one.done() for one in waiting)
        log.emit("kind", "d")
        assert [event.text for event in await asyncio.gather(*waiting)] == ["d", "d"]
        await seen.aclose()  # type: ignore[attr-defined]
        await other.aclose()  # type: ignore[attr-defined]
        assert not log._readers

    play(scene)


def test_channel_gives_what_was_put_and_then_ends() -> None:
    async def scene() -> None:
        channel: Channel[int] = Channel()
        channel.put(1)
        channel.put(2)
        channel.close()
        assert [item async for item in channel] == [1, 2]

    play(scene)


def test_reader_that_waits_is_woken_by_an_item_and_by_the_end() -> None:
    async def scene() -> None:
        channel: Channel[int] = Channel()

        async def all_of_it() -> list[int]:
            return [item async for item in channel]

        reading = asyncio.ensure_future(all_of_it())
        await settle()
        channel.put(1)
        await settle()
        channel.put(2)
        await settle()
        assert not reading.done()
        channel.close()
        assert await reading == [1, 2]

    play(scene)


def test_slow_reader_loses_the_oldest() -> None:
    async def scene() -> None:
        channel: Channel[int] = Channel(3)
        for number in range(10):
            channel.put(number)
        channel.close()
        assert [item async for item in channel] == [7, 8, 9]

    play(scene)


def test_cancelled_reader_loses_nothing() -> None:
    async def scene() -> None:
        channel: Channel[int] = Channel()
        reading = asyncio.ensure_future(anext(aiter(channel)))
        await settle()
        channel.put(1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert await anext(aiter(channel)) == 1

    play(scene)
