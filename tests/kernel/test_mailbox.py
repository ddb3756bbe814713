"""Letters wait in order in bounded boxes, and each is taken by one receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from llmagentos.kernel.mailbox import BYTES, CAPACITY, PostOffice
from llmagentos.syscalls.errors import TryAgain
from llmagentos.syscalls.ipc import Letter

from .conftest import play, settle


def test_letters_are_taken_in_the_order_in_which_they_came() -> None:
    async def scene() -> None:
        post = PostOffice()
        for number in range(3):
            post.send(number, 7, f"letter {number}")
        assert [await post.receive(7) for _ in range(3)] == [
            Letter(sender=number, topic=None, body=f"letter {number}") for number in range(3)
        ]

    play(scene)


def test_letter_that_nobody_has_had_is_the_next_one_again() -> None:
    async def scene() -> None:
        post = PostOffice()
        for word in ("first", "second"):
            post.send(1, 7, word)
        taken = await post.receive(7)
        post.put_back(7, taken)
        assert [(await post.receive(7)).body for _ in range(2)] == ["first", "second"]
        waiting = asyncio.ensure_future(post.receive(7))
        await settle()
        post.put_back(7, taken)
        assert await waiting == taken

    play(scene)


def test_receiver_waits_for_a_letter_to_its_own_box() -> None:
    async def scene() -> None:
        post = PostOffice()
        receiving = asyncio.ensure_future(post.receive(7))
        await settle()
        post.send(1, 8, "to somebody else")
        await settle()
        assert not receiving.done()
        post.send(1, 7, "here")
        assert (await receiving).body == "here"

    play(scene)


def test_full_box_asks_its_sender_to_wait_and_loses_nothing() -> None:
    async def scene() -> None:
        post = PostOffice()
        for number in range(CAPACITY):
            post.send(1, 7, number)
        with pytest.raises(TryAgain, match="7") as refusal:
            post.send(1, 7, "one too many")
        assert refusal.value.details["retry_after"] > 0
        post.send(1, 8, "another box is not full")
        assert (await post.receive(7)).body == 0
        post.send(1, 7, CAPACITY)
        bodies = [(await post.receive(7)).body for _ in range(CAPACITY)]
        assert bodies == list(range(1, CAPACITY + 1))

    play(scene)


def test_each_letter_wakes_one_of_several_receivers_the_first_first() -> None:
    async def scene() -> None:
        post = PostOffice()
        waiting = [asyncio.ensure_future(post.receive(7)) for _ in range(3)]
        await settle()
        post.send(1, 7, "a")
        post.send(1, 7, "b")
        await settle()
        assert [one.done() for one in waiting] == [True, True, False]
        assert [waiting[0].result().body, waiting[1].result().body] == ["a", "b"]
        post.send(1, 7, "c")
        assert (await waiting[2]).body == "c"

    play(scene)


@pytest.mark.parametrize("after_the_letter", [False, True])
def test_cancelled_receiver_does_not_take_a_letter_with_it(after_the_letter: bool) -> None:
    async def scene() -> None:
        post = PostOffice()
        receiving = asyncio.ensure_future(post.receive(7))
        await settle()
        if after_the_letter:
            post.send(1, 7, "letter")
        receiving.cancel()
        await settle()
        if not after_the_letter:
            post.send(1, 7, "letter")
        async with asyncio.timeout(1):
            assert (await post.receive(7)).body == "letter"

    play(scene)


def test_cancelled_receiver_passes_its_turn_on() -> None:
    async def scene() -> None:
        post = PostOffice()
        first, second = (asyncio.ensure_future(post.receive(7)) for _ in range(2))
        await settle()
        post.send(1, 7, "letter")
        first.cancel()
        async with asyncio.timeout(1):
            assert (await second).body == "letter"

    play(scene)


def test_closed_box_is_empty_and_takes_letters_anew() -> None:
    async def scene() -> None:
        post = PostOffice()
        post.send(1, 7, "never read")
        post.close(7)
        post.close(8)
        post.send(1, 7, "new")
        assert (await post.receive(7)).body == "new"

    play(scene)


async def taken(letters: AsyncIterator[Letter], count: int) -> list[object]:
    return [(await anext(letters)).body for _ in range(count)]


def test_topic_reaches_everybody_who_listens_then_and_only_there() -> None:
    async def scene() -> None:
        post = PostOffice()
        assert post.publish("ada", 1, "news", "too early") == 0
        one, two = post.subscribe("ada", "news", 7), post.subscribe("ada", "news", 7)
        readers = [asyncio.ensure_future(taken(letters, 2)) for letters in (one, two)]
        others = [
            asyncio.ensure_future(anext(post.subscribe(principal, topic, 7)))
            for principal, topic in (("ada", "sport"), ("bob", "news"))
        ]
        await settle()
        assert [post.publish("ada", 1, "news", body) for body in "ab"] == [2, 2]
        assert await asyncio.gather(*readers) == [["a", "b"]] * 2
        assert not any(other.done() for other in others)
        for letters in (one, two):
            await letters.aclose()  # type: ignore[attr-defined]
        assert post.publish("ada", 1, "news", "too late") == 0
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    play(scene)


def test_letter_of_a_topic_names_its_sender_and_topic() -> None:
    async def scene() -> None:
        post = PostOffice()
        reading = asyncio.ensure_future(anext(post.subscribe("ada", "news", 7)))
        await settle()
        post.publish("ada", 42, "news", None)
        assert await reading == Letter(sender=42, topic="news", body=None)

    play(scene)


def test_slow_reader_of_a_topic_loses_the_oldest_and_blocks_nobody() -> None:
    async def scene() -> None:
        post = PostOffice()
        letters = post.subscribe("ada", "news", 7)
        first = asyncio.ensure_future(taken(letters, 1))
        await settle()
        for number in range(CAPACITY + 10):
            assert post.publish("ada", 1, "news", number) == 1
        assert await first == [10]
        assert await taken(letters, CAPACITY - 1) == list(range(11, CAPACITY + 10))
        await letters.aclose()  # type: ignore[attr-defined]

    play(scene)


def test_topics_of_a_process_that_reads_none_hold_no_more_together_than_one() -> None:
    async def scene() -> None:
        post = PostOffice()
        slow = [post.subscribe("ada", str(topic), 7) for topic in range(6)]
        other = post.subscribe("ada", "0", 8)
        begun = [asyncio.ensure_future(anext(letters)) for letters in (*slow, other)]
        await settle()
        for topic in range(6):
            post.publish("ada", 1, str(topic), topic)  # The one that everybody waits for.
        assert [letter.body for letter in await asyncio.gather(*begun)] == [*range(6), 0]
        room = post._rooms[7]
        for topic in range(6):
            for _ in range(3):
                post.publish("ada", 1, str(topic), bytes(BYTES // 4))
                assert room.held <= BYTES
        assert len((await anext(other)).body) == BYTES // 4
        for letters in (*slow, other):
            await letters.aclose()  # type: ignore[attr-defined]
        assert room.held == 0 and not post._listeners

    play(scene)
