"""The model that learns has a place of its own on the device, and leaves none behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.services.learning.evaluate.seats import Seats
from llmagentos.services.learning.language.bench import Bench
from llmagentos.syscalls.errors import AlreadyExists, InvalidArgument, NotFound
from llmagentos.syscalls.os import OS


class Device:
    """What the bench sees of the system: the models that run, the first of which answers."""

    def __init__(self, *targets: str) -> None:
        self.model = self.learning = self
        self.targets = list(targets)

    async def ls(self) -> list[Any]:
        return [
            SimpleNamespace(target=one, active=place == 0) for place, one in enumerate(self.targets)
        ]

    async def add(self, target: str) -> None:
        if target in self.targets:
            raise AlreadyExists(target)
        if target.endswith("broken"):
            raise InvalidArgument("it cannot be run")
        self.targets.append(target)

    async def remove(self, target: str) -> None:
        if target not in self.targets:
            raise NotFound(target)
        self.targets.remove(target)

    async def card(self, name: str) -> Any:
        if name == "nobody":
            raise NotFound(name)
        return SimpleNamespace(target=f"hf:/store/{name}")


def run(device: Device, *names: str) -> list[list[str]]:
    async def whole() -> list[list[str]]:
        seen = []
        async with Bench(cast(OS, device), Path("/home/policies")) as bench:
            for name in names:
                await bench.seat(name)
                seen.append(list(device.targets))
        return seen

    return asyncio.run(whole())


def test_a_round_takes_the_place_of_the_one_before_and_none_stays() -> None:
    device = Device("embedded")
    first, second = run(device, "round-0", "round-1")
    assert first == ["embedded", "hf:/home/policies/round-0"]
    assert second == ["embedded", "hf:/home/policies/round-1"]
    assert device.targets == ["embedded"]


def test_what_a_killed_course_has_left_is_taken_away() -> None:
    device = Device("embedded", "hf:/home/policies/round-7", "hf:/home/policies2/round-1")
    assert run(device) == []
    assert device.targets == ["embedded", "hf:/home/policies2/round-1"]


def test_a_model_that_cannot_be_run_leaves_the_one_before() -> None:
    device = Device("embedded")
    with pytest.raises(InvalidArgument, match="cannot be run"):
        run(device, "round-0", "broken")
    assert device.targets == ["embedded"]


def seated(device: Device, *names: str | None) -> list[str]:
    async def whole() -> list[str]:
        async with Seats(cast(OS, device)) as seats:
            return [await seats.seat(name) for name in names]

    return asyncio.run(whole())


def test_models_that_are_tried_run_for_as_long_as_that() -> None:
    device = Device("hf:/store/old", "hf:/store/canary")
    assert seated(device, None, "new", "canary", "embedded") == [
        "hf:/store/old", "hf:/store/new", "hf:/store/canary", "embedded",
    ]  # fmt: skip
    assert device.targets == ["hf:/store/old", "hf:/store/canary"]


def test_nothing_can_be_compared_with_nothing() -> None:
    with pytest.raises(InvalidArgument, match="no model answers"):
        seated(Device(), None)
    with pytest.raises(NotFound):
        seated(Device("embedded"), "nobody")
