"""The driver over scripted devices: what a person chose is kept, and no call is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.inference import charging
from llmagentos.drivers.inference import place as module
from llmagentos.drivers.inference.choice import Choice
from llmagentos.drivers.inference.contract import Delta, Engine, Request
from llmagentos.drivers.inference.driver import InferenceDriver
from llmagentos.drivers.inference.scripted import ScriptedDevice
from llmagentos.syscalls import server
from llmagentos.syscalls.errors import DeviceError, InvalidArgument, NotFound
from llmagentos.syscalls.model import Usage

Play = Callable[..., None]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what fails at boot be tried again at once."""
    monkeypatch.setattr(module, "PAUSES", (0.0,))


class Workshop:
    """Opens scripted devices under any target, and remembers them."""

    def __init__(self, *failures: BaseException) -> None:
        self.made: dict[str, ScriptedDevice] = {}
        self.asked: list[Choice] = []
        self.begun = asyncio.Event()
        self._failures = list(failures)

    async def open(self, choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        self.asked.append(choice)
        if self._failures:
            raise self._failures.pop(0)
        self.made[choice.target] = ScriptedDevice([f"from {choice.target}"], choice.target)
        return self.made[choice.target]

    async def never(self, choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def broken(self, choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        self.begun.set()
        raise AttributeError("no such thing")


def states(listed: list[Any]) -> dict[str, str]:
    return {one.target: one.state for one in listed}


async def said(driver: InferenceDriver) -> str | None:
    return (await driver.chat(HELLO)).content


def test_a_fresh_device_runs_the_embedded_model(play: Play) -> None:
    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        assert house.slots == [0, 64]
        assert await said(driver) == "from embedded"

    play(scene, {"embedded": Workshop().open})


def test_a_choice_is_remembered_with_its_key(play: Play) -> None:
    shop = Workshop()
    openers = {"embedded": shop.open, "openai": shop.open}

    async def choose(driver: InferenceDriver, house: Any) -> None:
        info = await driver.use("openai:there", "big", "secret")
        assert info.active and "secret" not in repr(info)

    async def again(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        assert shop.asked[-1] == Choice(target="openai:there", name="big", key="secret")
        assert await said(driver) == "from openai:there"

    play(choose, openers)
    play(again, openers)


def test_a_damaged_memory_counts_as_nothing_chosen(play: Play, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"target": "emb')

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        assert await said(driver) == "from embedded"

    play(scene, {"embedded": Workshop().open})


def test_callers_are_told_why_what_was_chosen_cannot_be_loaded(play: Play) -> None:
    shop, mended = Workshop(NotFound("no folder")), asyncio.Event()

    async def open(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        if shop.asked:
            await mended.wait()
        return await shop.open(choice, rest, settings)

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.reach(1)
        with pytest.raises(DeviceError, match="embedded cannot be loaded: ENOENT: no folder; "):
            await said(driver)
        mended.set()
        await house.reach(64)
        assert house.slots == [0, 1, 64]
        assert await said(driver) == "from embedded"

    play(scene, {"embedded": open})


def test_what_was_chosen_is_tried_again_and_never_replaced(play: Play, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"models": [{"target": "openai:down"}]}))
    embedded, remote = Workshop(), Workshop(DeviceError("down"), ValueError("odd"))

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.reach(64)
        assert len(remote.asked) == 3 and not embedded.asked
        # A server that is down is waited for; what is no model is told.
        assert house.slots == [0, 1, 64]
        assert states(await driver.ls())["embedded"] == "available"

    play(scene, {"embedded": embedded.open, "openai": remote.open})


def test_a_failure_at_boot_is_listed_and_another_choice_works_at_once(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (3600.0,))
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await shop.begun.wait()
        listed = states(await driver.ls())
        assert listed["hf:odd"] == "failed: no such thing"
        assert listed["embedded"] == "available"
        with pytest.raises(DeviceError, match="hf:odd cannot be loaded: no such thing"):
            await driver.chat(HELLO)
        await driver.use("embedded")
        assert await said(driver) == "from embedded"
        assert "hf:odd" not in states(await driver.ls())
        assert house.slots == [0, 1, 64]

    play(scene, {"embedded": shop.open, "hf": shop.broken}, model="hf:odd")


def test_a_choice_need_not_wait_for_a_first_load_that_hangs(play: Play) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await shop.begun.wait()
        assert states(await driver.ls())["hf:slow"] == "loading"
        await driver.use("embedded")
        assert await said(driver) == "from embedded"

    play(scene, {"embedded": shop.open, "hf": shop.never}, model="hf:slow")


def test_a_choice_that_fails_lets_the_boot_go_on(play: Play) -> None:
    shop = Workshop(DeviceError("down"))

    async def scene(driver: InferenceDriver, house: Any) -> None:
        with pytest.raises(AttributeError):
            await driver.use("hf:odd")
        await house.open()
        assert await said(driver) == "from openai:slow"

    play(scene, {"hf": shop.broken, "openai": shop.open}, model="openai:slow")


def test_a_choice_that_fails_leaves_the_old_one(play: Play, tmp_path: Path) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        for target in ("hf:", "embedded:x", "magic:x", ""):
            with pytest.raises(InvalidArgument):
                await driver.use(target)
        with pytest.raises(NotFound):
            await driver.use("scripted:/nowhere")
        assert await said(driver) == "from openai:a"
        assert not (tmp_path / "model.json").exists()

    play(scene, {"openai": shop.open}, model="openai:a")


def test_a_call_that_runs_is_answered_by_the_engine_it_began_on(play: Play) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        old = shop.made["openai:old"]
        old.flowing.clear()
        call = asyncio.create_task(driver.chat(HELLO))
        await asyncio.sleep(0)
        await driver.use("openai:new")
        assert await said(driver) == "from openai:new"
        assert not old.closed.is_set()
        old.flowing.set()
        assert (await call).content == "from openai:old"
        await old.closed.wait()

    play(scene, {"openai": shop.open}, model="openai:old")


def test_a_call_that_is_taken_back_is_charged_for_what_it_used(play: Play) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        device = shop.made["embedded"]
        stream = driver.stream(HELLO)
        assert (await anext(stream)).content == "from "
        device.flowing.clear()
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert house.caller.usage["tokens"] == 2

    play(scene, {"embedded": shop.open})


def test_a_call_that_fails_is_charged_and_a_whole_one_once(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(json.dumps([{"text": "a b c", "error": "on fire"}, "d e"]))

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        with pytest.raises(DeviceError, match="on fire"):
            await driver.chat(HELLO)
        assert house.caller.usage["tokens"] == 4
        reply = await driver.chat(HELLO)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (1, 2)
        assert reply.model == "script"
        assert house.caller.usage["tokens"] == 7
        last = [chunk async for chunk in driver.stream(HELLO, max_tokens=1)][-1]
        assert last.finish_reason == "length" and last.usage is not None
        assert house.caller.usage["tokens"] == 9

    play(scene, model=f"scripted:{script}")


def test_a_reply_is_held_to_a_grammar_or_to_a_call_and_to_a_tool_that_is_offered(
    play: Play,
) -> None:
    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        tools = [{"type": "function", "function": {"name": "add"}}]
        with pytest.raises(InvalidArgument, match="not both"):
            await driver.chat(HELLO, tools, tool_choice="add", grammar={"regex": "a"})
        with pytest.raises(InvalidArgument, match="no tool is offered"):
            await driver.chat(HELLO, tool_choice="required")
        assert (await driver.chat(HELLO, tools, tool_choice="none", grammar={"regex": "a"})).content

    play(scene, {"embedded": Workshop().open})


class Reader(ScriptedDevice):
    """Reads for long before it says anything."""

    async def chat(self, request: Request) -> AsyncGenerator[Delta, None]:
        request.meter.usage = Usage(input_tokens=300, output_tokens=0, device_seconds=2.0)
        request.meter.preemptions = 3
        await self.flowing.wait()
        request.meter.usage = Usage(input_tokens=500, output_tokens=0, device_seconds=3.0)
        yield Delta(finish="stop")


def test_a_call_is_charged_while_it_reads(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    device, charged = Reader([""]), asyncio.Event()

    async def opened(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
        return device

    def charge(**amounts: float) -> None:
        server.charge(**amounts)
        charged.set()

    monkeypatch.setattr(charging, "charge", charge)

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        device.flowing.clear()
        reading = asyncio.create_task(driver.chat(HELLO))
        await charged.wait()
        wanted = {"tokens": 300, "device_seconds": 2.0, "money": 0, "preemptions": 3}
        assert house.caller.usage == wanted
        device.flowing.set()
        await reading
        assert house.caller.usage == {**wanted, "tokens": 500, "device_seconds": 3.0}

    play(scene, {"embedded": opened})


def test_the_driver_closes_its_engine(play: Play) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()

    play(scene, {"embedded": shop.open})
    assert shop.made["embedded"].closed.is_set()


def test_the_driver_closes_an_engine_that_still_ends_a_call(play: Play) -> None:
    shop = Workshop()

    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        shop.made["embedded"].flowing.clear()
        call = asyncio.create_task(said(driver))
        await asyncio.sleep(0)
        await driver.use("other:it")
        assert not shop.made["embedded"].closed.is_set()
        await driver.teardown()
        assert shop.made["embedded"].closed.is_set()
        with pytest.raises(DeviceError):
            await call

    play(scene, {"embedded": shop.open, "other": shop.open})


def test_call_that_waited_for_the_model_is_let_in_before_the_driver_is_told(play: Play) -> None:
    async def scene(driver: InferenceDriver, house: Any) -> None:
        await house.open()
        answers: list[str | None] = []

        async def admits() -> None:
            answers.append(await said(driver))

        house.admits = admits
        await driver.use("other:it")
        assert answers == ["from other:it"]

    shop = Workshop()
    play(scene, {"embedded": shop.open, "other": shop.open})
