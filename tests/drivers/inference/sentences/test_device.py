"""A sentence model beside the one that writes: what goes to which."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference import place as module
from llmagentos.drivers.inference.choice import Choice
from llmagentos.drivers.inference.contract import Engine, Meter, Owner
from llmagentos.drivers.inference.driver import InferenceDriver
from llmagentos.drivers.inference.scripted import ScriptedDevice
from llmagentos.drivers.inference.sentences.device import SentenceDevice
from llmagentos.drivers.inference.sentences.engine import SentenceEngine
from llmagentos.drivers.inference.sentences.queue import Job, Queue
from llmagentos.syscalls.errors import DeviceError, InvalidArgument, TryAgain

Build = Callable[..., Path]
Play = Callable[..., None]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]


class Writer(ScriptedDevice):
    """One that writes and has vectors of its own, as a causal model has."""

    flags = ("embed",)

    async def embed(self, owner: Owner, meter: Meter, texts: Sequence[str]) -> Any:
        return "a writer's"


async def write(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    return Writer(["hi"], "writer")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,))


def test_vectors_come_from_the_sentence_model_and_conversations_from_the_other(
    play: Play, build: Build
) -> None:
    target = f"hf:{build()}"

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        assert await driver.embed(["cat"]) == "a writer's"
        info = await driver.add(target)
        assert {"embed", "sentences"} <= set(info.flags) and not info.active
        assert [one.name for one in await driver.ls()][:2] == ["writer", "small"]
        assert house.slots[-1] == 128
        found = await driver.embed(["cat", "the dog"])
        assert found.model == "small" and [len(one) for one in found.vectors] == [16, 16]
        assert found.usage.input_tokens == 7 and found.usage.device_seconds > 0
        assert (await driver.chat(HELLO)).content == "hi"
        with pytest.raises(InvalidArgument, match="holds no conversations"):
            await driver.chat(HELLO, model="small")
        await driver.remove(target)
        assert await driver.embed(["cat"]) == "a writer's"

    play(scene, {"it": write}, model="it:writer")


def test_a_sentence_model_alone_holds_no_conversations(play: Play, build: Build) -> None:
    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.use(f"hf:{build()}")
        assert (await driver.ls())[0].active
        with pytest.raises(InvalidArgument, match="holds no conversations"):
            await driver.chat(HELLO)
        with pytest.raises(InvalidArgument):
            await driver.open("x")
        info = await driver.add("it:writer")
        assert info.active and (await driver.chat(HELLO)).content == "hi"
        assert (await driver.ls())[0].name == "writer"

    play(scene, {"it": write}, model="it:writer")


def test_a_configured_embedder_is_there_whatever_is_chosen_and_is_not_remembered(
    play: Play, build: Build, tmp_path: Path
) -> None:
    target = f"hf:{build()}"

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.reach(128)
        await driver.use("it:other")
        assert (await driver.embed(["cat"])).model == "small"
        with pytest.raises(InvalidArgument, match="only one"):
            await driver.remove("it:other")
        said = json.loads((tmp_path / "model.json").read_text())
        assert [one["target"] for one in said["models"]] == ["it:other"]
        await driver.remove(target)
        assert await driver.embed(["cat"]) == "a writer's"

    play(scene, {"it": write}, model="it:writer", embedder=target)


def test_an_added_one_is_known_for_what_it_is_after_a_restart(
    play: Play, build: Build, tmp_path: Path
) -> None:
    target = f"hf:{build()}"

    async def choose(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        await driver.add(target)

    async def never(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        await asyncio.Event().wait()
        raise AssertionError

    async def again(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        # Vectors of the other model would be of no use beside those there are.
        with pytest.raises(TryAgain):
            await driver.embed(["cat"])

    play(choose, {"it": write}, model="it:writer")
    play(again, {"it": write, "hf": never}, model="it:writer")


def test_calls_wait_for_the_first_model_that_writes_not_for_the_embedder(
    play: Play, build: Build
) -> None:
    loads = asyncio.Event()

    async def slow(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        await loads.wait()
        return Writer(["hi"], "writer")

    async def scene(driver: InferenceDriver, house: Any) -> None:
        while (await driver.ls())[1].state != "ready":
            await asyncio.to_thread(bool)  # a turn of the loop
        assert house.slots == [0]
        assert (await driver.embed(["cat"])).model == "small"
        loads.set()
        await house.reach(128)

    play(scene, {"it": slow}, model="it:writer", embedder=f"hf:{build()}")


def test_a_model_that_cannot_be_loaded_does_not_keep_the_embedder_from_serving(
    play: Play, build: Build
) -> None:
    async def broken(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        raise DeviceError("down")

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.reach(64)
        assert (await driver.embed(["cat"])).model == "small"
        with pytest.raises(DeviceError, match="no model is loaded"):
            await driver.chat(HELLO)

    play(scene, {"it": broken}, model="it:writer", embedder=f"hf:{build()}")


def test_calls_wait_for_a_model_that_writes_and_has_died(play: Play, build: Build) -> None:
    class Mortal(Writer):
        async def failed(self) -> str:
            await death.wait()
            death.clear()
            return "out of order"

    death, loads = asyncio.Event(), asyncio.Event()
    loads.set()

    async def slow(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        await loads.wait()
        return Mortal(["hi"], "writer")

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.reach(128)
        loads.clear()
        death.set()
        while house.slots[-1]:
            await asyncio.to_thread(bool)  # a turn of the loop
        loads.set()
        await house.reach(128)

    play(scene, {"it": slow}, model="it:writer", embedder=f"hf:{build()}")


def test_an_embedder_that_is_none_is_refused_by_name(play: Play) -> None:
    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        while "no sentence model" not in (await driver.ls())[1].state:
            await asyncio.to_thread(bool)  # a turn of the loop

    play(scene, {"it": write}, model="it:writer", embedder="it:other")


@pytest.fixture
def device(build: Build) -> SentenceDevice:
    return SentenceDevice.load("hf:small", str(build()), "float32")


def test_a_call_that_is_taken_back_leaves_at_once_and_is_charged_for_what_was_done(
    device: SentenceDevice,
) -> None:
    model, entered, leave = device._model, threading.Event(), threading.Event()

    def compute(texts: Sequence[Sequence[int]]) -> torch.Tensor:
        entered.set()
        leave.wait()
        return model.vectors(texts)

    device._engine = SentenceEngine(compute, Queue(slice=8))

    async def scene() -> None:
        device.start()
        meter = Meter()
        call = asyncio.create_task(device.embed(Owner(), meter, ["the cat"] * 256))
        await asyncio.to_thread(entered.wait)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        leave.set()
        assert len((await device.embed(Owner(), Meter(), ["dog"])).vectors) == 1
        assert meter.usage.input_tokens == 8  # of the slice that ran
        await device.close()

    asyncio.run(scene())


def test_calls_at_once_each_get_their_own_vectors(device: SentenceDevice) -> None:
    words = ["cat", "dog", "ship", "sea", "mat", "night"]

    async def scene() -> None:
        device.start()
        alone = [(await device.embed(Owner(), Meter(), [one])).vectors[0] for one in words]
        calls = [device.embed(Owner(), Meter(), [one, *words]) for one in words]
        for at, found in enumerate(await asyncio.gather(*calls)):
            wanted = torch.tensor([alone[at], *alone])
            torch.testing.assert_close(torch.tensor(found.vectors), wanted, atol=1e-5, rtol=0)
        await device.close()

    asyncio.run(scene())


def test_a_closed_device_ends_its_calls() -> None:
    entered, leave = threading.Event(), threading.Event()

    def compute(texts: Sequence[Sequence[int]]) -> torch.Tensor:
        entered.set()
        leave.wait()
        return torch.ones(len(texts), 1)

    engine = SentenceEngine(compute, Queue(slice=4))
    engine.start()
    job = Job([[1, 2, 3]] * 3, Meter())
    engine.submit(job)
    entered.wait()
    leave.set()
    engine.close()
    with pytest.raises(DeviceError, match="closed"):
        job.future.result(timeout=60)
    with pytest.raises(DeviceError, match="closed"):
        engine.submit(Job([[1]], Meter()))


def test_a_slice_that_fails_takes_only_its_own_calls_along() -> None:
    def compute(texts: Sequence[Sequence[int]]) -> torch.Tensor:
        if any(len(one) > 3 for one in texts):
            raise MemoryError("too long")
        return torch.ones(len(texts), 1)

    engine = SentenceEngine(compute, Queue(slice=4))
    bad, good = Job([[1] * 9], Meter()), Job([[1]], Meter())
    engine.submit(bad)
    engine.submit(good)
    engine.start()
    with pytest.raises(DeviceError, match="too long"):
        bad.future.result(timeout=60)
    assert good.future.result(timeout=60) == [[1.0]]
    engine.close()
