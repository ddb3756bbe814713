"""Texts to vectors where a model for sentences runs, and what is embedded again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest
import uvloop

from llmagentos.drivers.index.embedder import BATCH, FRESH, Embedder
from llmagentos.drivers.index.renewal import Renewal
from llmagentos.syscalls.errors import DeviceError, InputOutputError, LLMAgentOSError
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.server import Caller, serving

T = TypeVar("T")
Owner = Any  # of conftest.py


class Device:
    """A model for sentences that sees the length of a text and whether there is an x in it."""

    def __init__(self) -> None:
        self.name: str | None = "small"
        self.flags = ["embed", "sentences"]
        self.asked = 0
        self.batches: list[int] = []
        self.error: LLMAgentOSError | None = None

    async def call(self, syscall: str, arguments: Any = None, *, deadline: float) -> Any:
        assert deadline > 0
        if self.error is not None:
            raise self.error
        if syscall == "model.ls":
            self.asked += 1
            return [
                {"name": "chat", "flags": ["embed"], "state": "ready"},
                {"name": "slow", "flags": self.flags, "state": "loading"},
                *(
                    [{"name": self.name, "flags": self.flags, "state": "ready"}]
                    if self.name
                    else []
                ),
            ]
        texts = arguments["texts"]
        self.batches.append(len(texts))
        return {
            "model": self.name or "chat",
            "vectors": [
                [0.0, 0.0] if text == "nil" else [float(len(text)), float("x" in text)]
                for text in texts
            ],
            "usage": {"input_tokens": len(texts), "output_tokens": 0},
        }


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embedder(device: Device, clock: Clock) -> Embedder:
    return Embedder(cast(OS, device), clock)


def test_vectors_come_in_batches_and_the_caller_is_charged(
    embedder: Embedder, device: Device
) -> None:
    async def scene() -> None:
        who = Caller(pid=1, principal="alice", call=1)
        with serving(who):
            found = await embedder.embed(["ab", *["x"] * BATCH, ""])
        assert found is not None and found.model == "small"
        assert found.vectors == [[2.0, 0.0], *[[1.0, 1.0]] * BATCH, [1.0, 0.0]]
        assert who.usage == {"tokens": BATCH + 2} and device.batches == [BATCH, 2]
        assert await embedder.embed(["for all"]) is not None  # Nobody's call: nobody is charged.

    uvloop.run(scene())


def test_the_model_is_looked_up_now_and_then(
    embedder: Embedder, device: Device, clock: Clock
) -> None:
    async def scene() -> None:
        device.name = None
        assert await embedder.model() is None and await embedder.embed(["a"]) is None
        device.name = "small"
        assert await embedder.model() is None and device.asked == 1 and device.batches == []
        clock.now += FRESH + 1
        assert await embedder.model() == "small" and device.asked == 2

    uvloop.run(scene())


def test_words_serve_alone_where_the_device_fails(
    embedder: Embedder, device: Device, clock: Clock
) -> None:
    async def scene() -> None:
        device.error = DeviceError("gone")
        assert await embedder.embed(["a"]) is None
        device.error, clock.now = None, clock.now + FRESH + 1
        assert await embedder.embed(["a"]) is not None
        device.error = DeviceError("gone")
        assert await embedder.embed(["a"]) is None

    uvloop.run(scene())


def test_vectors_of_another_model_than_was_expected_are_not_taken(
    embedder: Embedder, device: Device
) -> None:
    async def scene() -> None:
        assert await embedder.model() == "small"
        device.name = "large"
        assert await embedder.embed(["a"]) is None
        assert (found := await embedder.embed(["a"])) is not None and found.model == "large"

    uvloop.run(scene())


def test_a_text_that_cannot_be_sent_is_and_a_vector_without_a_direction_is_not_taken(
    embedder: Embedder, device: Device
) -> None:
    async def scene() -> None:
        found = await embedder.embed(["half \ud800", "x" * 10**6])
        assert found is not None and found.vectors == [[6.0, 0.0], [8000.0, 1.0]]
        assert await embedder.embed(["nil"]) is None

    uvloop.run(scene())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # other tasks take their turns
            await asyncio.sleep(0)


def test_what_another_model_has_embedded_is_embedded_again(
    owner: Owner, embedder: Embedder, device: Device, clock: Clock
) -> None:
    async def do(work: Callable[[], T]) -> T:
        return work()

    for number in range(70):
        owner.put("a", number, "x" * (number % 3), [1.0, 0.0, 0.0], "earlier")

    def left(model: str) -> int:
        return len(owner.shelf.lacking(model, 1000))

    async def scene() -> None:
        renewal = Renewal(owner.shelf, embedder, do)
        running = asyncio.create_task(renewal.run())
        device.name = None
        renewal.wake()
        await until(lambda: device.asked == 1)
        assert left("earlier") == 0
        device.name, clock.now = "small", clock.now + FRESH + 1
        renewal.wake()
        await until(lambda: left("small") == 0)
        assert sum(device.batches) == 70 and max(device.batches) <= 32
        with owner.base:
            owner.put("a", 70, "without a vector")
        renewal.wake(written=True)
        await until(lambda: left("small") == 0)
        assert sum(device.batches) == 71
        running.cancel()

    uvloop.run(scene())


def test_a_file_that_fails_is_tried_again_when_woken(
    owner: Owner, embedder: Embedder, device: Device
) -> None:
    failures = [InputOutputError("full")]

    async def do(work: Callable[[], T]) -> T:
        if failures:
            raise failures.pop()
        return work()

    async def scene() -> None:
        owner.put("a", 1, "x")
        renewal = Renewal(owner.shelf, embedder, do)
        running = asyncio.create_task(renewal.run())
        renewal.wake()
        await until(lambda: not failures)
        renewal.wake()
        await until(lambda: not owner.shelf.lacking("small", 10))
        running.cancel()

    uvloop.run(scene())
