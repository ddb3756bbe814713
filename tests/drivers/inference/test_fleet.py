"""Several devices: who gets a call, and what becomes of it where one fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.inference import place as module
from llmagentos.drivers.inference.choice import Choice
from llmagentos.drivers.inference.contract import Engine
from llmagentos.drivers.inference.driver import InferenceDriver
from llmagentos.drivers.inference.fleet import Fleet
from llmagentos.drivers.inference.scripted import ScriptedDevice
from llmagentos.syscalls.errors import (
    AlreadyExists,
    DeviceError,
    InvalidArgument,
    NotFound,
    TryAgain,
)

Play = Callable[..., None]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]


class Mortal(ScriptedDevice):
    """A scripted device that can die."""

    def __init__(self, script: list[Any], name: str) -> None:
        super().__init__(script, name)
        self.death = asyncio.Event()

    async def failed(self) -> str:
        await self.death.wait()
        return "out of order"


class Hearing(Mortal):
    """One that is told of ranks and processes."""

    flags = ("fork", "preempt")

    def __init__(self, script: list[Any], name: str) -> None:
        super().__init__(script, name)
        self.heard: list[Any] = []

    def rank(self, call: int, rank: tuple[float, ...]) -> None:
        self.heard.append((call, rank))

    def process(self, pid: int, state: str, seconds: float | None) -> None:
        self.heard.append((pid, state, seconds))


class Yard:
    """Opens a device for each target `it:MODEL/…`, which answers with its target."""

    def __init__(self) -> None:
        self.made: dict[str, list[Mortal]] = {}

    async def open(self, choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        model, _, kind = rest.partition("/")
        script = [{"text": "", "error": "on fire"}] if kind == "bad" else [f"from {rest}"]
        device = (Hearing if kind == "hears" else Mortal)(script, model)
        self.made.setdefault(rest, []).append(device)
        return device


@pytest.fixture
def yard(play: Play, monkeypatch: pytest.MonkeyPatch) -> tuple[Yard, Callable[..., None]]:
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    made = Yard()
    return made, lambda scene, model="it:a/1": play(scene, {"it": made.open}, model=model)


async def said(driver: InferenceDriver, **fields: Any) -> str | None:
    return (await driver.chat(HELLO, **fields)).content


def test_a_call_goes_to_the_model_that_it_names(yard: Any) -> None:
    _, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        info = await driver.add("it:b/1")
        assert info.name == "b" and not info.active and house.slots[-1] == 128
        assert await said(driver) == "from a/1"
        assert await said(driver, model="b") == "from b/1"
        assert await said(driver, model="it:b/1") == "from b/1"
        with pytest.raises(NotFound, match="there are a, b"):
            await said(driver, model="c")
        assert [(one.name, one.active) for one in await driver.ls()][:2] == [
            ("a", True), ("b", False),
        ]  # fmt: skip

    run(scene)


def test_a_share_of_the_processes_is_served_by_another_model_each_by_its_own(yard: Any) -> None:
    _, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        async def served(count: int = 100) -> list[str]:
            told = []
            for pid in range(2, 2 + count):
                house.caller.pid = pid
                told.append(str(await said(driver)).removeprefix("from ")[0])
            return told

        await house.open()
        await driver.add("it:b/1")
        await driver.add("it:c/1")
        assert (await driver.share("it:b/1", 0.25)).share == 0.25
        await driver.share("it:c/1", 0.1)
        first = await served()
        assert first.count("b") in (24, 25, 26) and first.count("c") in (9, 10, 11)
        assert await served() == first
        assert [one.share for one in await driver.ls()][:3] == [pytest.approx(0.65), 0.25, 0.1]
        for target, share in (("it:c/1", 0.75), ("it:a/1", 0.5)):
            with pytest.raises(InvalidArgument, match="shared out"):
                await driver.share(target, share)
        with pytest.raises(NotFound, match="add"):
            await driver.share("it:d/1", 0.1)
        assert await said(driver, model="a") == "from a/1"
        # All of it: the old one stays at hand.
        chosen = await driver.share("it:b/1", 1.0)
        assert chosen.active and chosen.share == 1 and set(await served(20)) == {"b"}
        assert [one.name for one in await driver.ls()][:3] == ["b", "a", "c"]
        await driver.share("it:a/1", 0.5)
        await driver.remove("it:b/1")
        assert set(await served(20)) == {"a"}

    run(scene)


def test_shares_are_there_again_after_a_restart(yard: Any) -> None:
    _, run = yard

    async def before(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.add("it:b/1")
        await driver.share("it:b/1", 0.25)

    async def after(driver: InferenceDriver, house: Any) -> None:
        await house.reach(128)
        assert [(one.name, one.share) for one in await driver.ls()][:2] == [
            ("a", 0.75), ("b", 0.25),
        ]  # fmt: skip

    run(before)
    run(after)


def test_a_process_comes_back_to_its_device_and_others_go_where_there_is_less_to_do(
    yard: Any,
) -> None:
    made, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.add("it:a/2")
        first = await said(driver)
        assert [await said(driver) for _ in range(5)] == [first] * 5
        mine = made.made[str(first).removeprefix("from ")][0]
        mine.flowing.clear()
        calls = [asyncio.create_task(said(driver)) for _ in range(20)]
        for _ in range(5):
            await asyncio.sleep(0)
        mine.flowing.set()
        # Its memory is worth a quarter of the slots; past that the other one is nearer.
        assert {await one for one in calls} == {"from a/1", "from a/2"}

    run(scene)


def test_a_device_that_fails_before_it_has_said_anything_hands_the_call_on(yard: Any) -> None:
    _, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        with pytest.raises(DeviceError, match="on fire"):
            await said(driver)
        await driver.add("it:a/2")
        assert {await said(driver) for _ in range(4)} == {"from a/2"}

    run(scene, model="it:a/bad")


def test_a_device_that_has_failed_is_loaded_again_and_the_rest_serves_meanwhile(yard: Any) -> None:
    made, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.add("it:a/2")
        before = len(house.slots)
        made.made["a/1"][0].death.set()
        while len(house.slots) < before + 2:
            assert await said(driver) in ("from a/1", "from a/2")
            await asyncio.sleep(0)
        assert house.slots[before:] == [64, 128]
        assert len(made.made["a/1"]) == 2 and made.made["a/1"][0].closed.is_set()

    run(scene)


def test_several_devices_are_there_again_after_a_restart(yard: Any, tmp_path: Path) -> None:
    _, run = yard

    async def choose(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.add("it:b/1", key="secret")
        with pytest.raises(AlreadyExists):
            await driver.add("it:b/1")

    async def again(driver: InferenceDriver, house: Any) -> None:
        await house.reach(128)
        assert await said(driver, model="b") == "from b/1"
        await driver.remove("b")
        assert house.slots[-1] == 64
        with pytest.raises(InvalidArgument, match="only one"):
            await driver.remove("it:a/1")
        with pytest.raises(NotFound):
            await driver.remove("it:b/1")
        assert len(json.loads((tmp_path / "model.json").read_text())["models"]) == 1

    run(choose)
    run(again)


def test_contexts_are_refused_by_devices_that_have_none(yard: Any) -> None:
    _, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        for call in (driver.open("x"), driver.score(["x"], text="y"), driver.embed(["x"]),
                     driver.pages()):  # fmt: skip
            with pytest.raises(InvalidArgument, match=r"chat"):
                await call
        for stale in (driver.generate(7), driver.fork(7), driver.close(7), driver.pin(7, 1)):
            with pytest.raises(NotFound):
                await stale
        assert await driver.contexts() == []

    run(scene)


def test_a_device_that_retires_hears_of_its_processes_until_its_last_call_has_ended(
    yard: Any,
) -> None:
    made, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        [old] = made.made["a/hears"]
        old.flowing.clear()
        call = asyncio.create_task(said(driver))
        await asyncio.sleep(0)
        await driver.use("it:b/1")
        driver.on_process(1, "suspended", None)
        driver.on_rank(7, (1.0, 2.0))
        assert old.heard == [(1, "suspended", None), (7, (1.0, 2.0))]
        old.flowing.set()
        assert await call == "from a/hears"
        await old.closed.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        driver.on_process(1, "running", None)
        assert len(old.heard) == 2

    run(scene, model="it:a/hears")


def test_a_device_is_announced_until_the_kernel_hears_it(yard: Any) -> None:
    made, run = yard

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        refusals = [TryAgain("busy", retry_after=1.0), TryAgain("busy", retry_after=1.0)]

        async def admits() -> None:
            if refusals:
                raise refusals.pop()

        house.admits = admits
        made.made["a/1"][0].death.set()
        while len(made.made["a/1"]) < 2 or refusals:
            assert not house.slots[-1] or refusals
            await asyncio.sleep(0)
        await house.reach(64)
        assert await said(driver) == "from a/1"

    run(scene)


def test_fleet_without_anything_that_writes_and_runs_takes_no_calls() -> None:
    assert Fleet().slots == 0
