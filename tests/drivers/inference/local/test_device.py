"""Conversations with a tiny model: the same tokens as `generate`, and typed errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmagentos.drivers.inference.contract import Delta, Owner, Request, Sampling
from llmagentos.drivers.inference.local.device import LocalDevice
from llmagentos.drivers.inference.local.loader import load
from llmagentos.drivers.inference.local.sampler import Sampler
from llmagentos.drivers.inference.local.template import Template
from llmagentos.syscalls.errors import DeviceError, InvalidArgument

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
ALICE, BOB = Owner(pid=1, principal="alice"), Owner(pid=2, principal="bob")
Scene = Callable[[LocalDevice], Awaitable[None]]


def play(folder: Path, scene: Scene, **settings: Any) -> None:
    async def run() -> None:
        device = await LocalDevice.load("hf:tiny", str(folder), 1, **settings)
        try:
            await scene(device)
        finally:
            await device.close()

    asyncio.run(run())


async def chat(device: LocalDevice, **fields: Any) -> list[Delta]:
    return [delta async for delta in device.chat(request(**fields))]


def request(messages: list[Any] = HELLO, owner: Owner = ALICE, **sampling: Any) -> Request:
    return Request(messages=messages, owner=owner, sampling=Sampling(**sampling))


def test_replies_are_those_of_generate(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([tokenizer(Template(tokenizer).text(HELLO, []))["input_ids"]])
    model = AutoModelForCausalLM.from_pretrained(folder)
    out = model.generate(ids, max_new_tokens=20, do_sample=False)[0, ids.shape[1] :]
    wanted = tokenizer.decode(out, skip_special_tokens=True)

    async def scene(device: LocalDevice) -> None:
        for deltas in await asyncio.gather(*(chat(device, max_tokens=20) for _ in range(3))):
            assert "".join(delta.text for delta in deltas) == wanted
            assert deltas[-1].usage is not None
            assert deltas[-1].usage.input_tokens == ids.shape[1]

    play(folder, scene)


def test_a_reply_that_fails_takes_no_later_one_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(device: LocalDevice) -> None:
        with monkeypatch.context() as patch, pytest.raises(DeviceError, match="no such chance"):
            patch.setattr(Sampler, "pick", _fails)
            await chat(device, max_tokens=5)
        assert (await chat(device, max_tokens=5))[-1].finish is not None

    play(folder, scene)


def _fails(*_: object) -> int:
    raise RuntimeError("no such chance")


def test_a_reply_is_a_call_where_it_has_to_be_one(folder: Path) -> None:
    tools = [
        {
            "type": "function",
            "function": {
                "name": name,
                "parameters": {
                    "type": "object",
                    "properties": {"on": {"type": "boolean"}},
                    "required": ["on"],
                    "additionalProperties": False,
                },
            },
        }
        for name in ("lamp", "oven")
    ]

    async def scene(device: LocalDevice) -> None:
        for choice, names in (("required", {"lamp", "oven"}), ("oven", {"oven"})):
            asked = request(tool_choice=choice, max_tokens=120, temperature=1.0, seed=1)
            wanted = replace(asked, tools=tools)
            last = [delta async for delta in device.chat(wanted)][-1]
            first = last.tool_calls[0]["function"]
            assert first["name"] in names
            assert set(json.loads(first["arguments"])) == {"on"}
        assert (last.finish, len(last.tool_calls)) == ("tool_calls", 1)

    play(folder, scene)


def test_a_device_says_what_it_is(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = device.info()
        assert (info.target, info.name, info.state) == ("hf:tiny", "tiny-llama", "ready")
        assert info.context == 512 and info.parameters

    play(folder, scene, tokens=1024)


def test_a_conversation_that_is_too_long_is_refused(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        with pytest.raises(InvalidArgument, match="the model's context 512") as refused:
            await chat(device, messages=[{"role": "user", "content": "x" * 600}])
        assert refused.value.details == {"context": 512}
        [*_, last] = await chat(device, max_tokens=1_000_000, temperature=1.0, seed=1)
        assert last.usage is not None
        assert last.usage.input_tokens + last.usage.output_tokens <= 512

    play(folder, scene)


def test_a_call_on_a_closed_device_is_answered(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        reply = device.chat(request(max_tokens=400, temperature=1.0, seed=1))
        await anext(reply)
        await device.close()
        with pytest.raises(DeviceError, match="closed"):
            async for _ in reply:
                pass
        with pytest.raises(DeviceError, match="closed"):
            await chat(device)

    play(folder, scene)


def test_a_reply_that_is_taken_back_has_used_what_it_used(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        asked = request(max_tokens=400, temperature=1.0, seed=1)
        reply = device.chat(asked)
        await anext(reply)
        await reply.aclose()
        usage = asked.meter.usage
        assert usage.input_tokens > 5 and usage.output_tokens >= 1 and usage.device_seconds > 0

    play(folder, scene)


@pytest.mark.parametrize("settings", [{"tokens": 10}, {"tokens": 10**12}, {"tokens": "many"}])
def test_a_pool_that_cannot_be_is_refused(folder: Path, settings: Any) -> None:
    async def scene(device: LocalDevice) -> None:
        raise AssertionError

    with pytest.raises(InvalidArgument, match=r"tokens|tiny-llama"):
        play(folder, scene, **settings)


def test_another_backend_says_the_same(folder: Path) -> None:
    said: list[list[str]] = []

    async def scene(device: LocalDevice) -> None:
        said.append([delta.text for delta in await chat(device, max_tokens=8)])

    play(folder, scene)
    play(folder, scene, attention="flex", device="cpu")
    assert said[0] == said[1]


def test_a_model_in_integers_answers(
    build: Callable[..., Any], tokenizer: Any, tmp_path: Path
) -> None:
    # Its layers are large enough to become integers.
    build("llama", intermediate_size=512).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    async def scene(device: LocalDevice) -> None:
        *_, last = await chat(device, max_tokens=4)
        assert last.usage is not None and last.usage.output_tokens > 0

    play(tmp_path, scene, dtype="int8")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"attention": "flash_attn", "device": "cpu"}, "flash_attn cannot serve this model"),
        ({"attention": "magic"}, "attention magic: one of auto"),
        ({"device": "tpu"}, "device tpu: one of auto"),
    ],
)
def test_kernels_and_devices_that_cannot_be_had_are_named(
    folder: Path, settings: Any, reason: str
) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        asyncio.run(LocalDevice.load("hf:tiny", str(folder), 1, **settings))


def test_whatever_a_model_raises_is_a_typed_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(source: str, dtype: str) -> Any:
        loaded = load(source, "float32")
        del loaded.model.generation_config
        return loaded

    monkeypatch.setattr("llmagentos.drivers.inference.local.device.load", odd)
    with pytest.raises(InvalidArgument, match="cannot be run: AttributeError"):
        play(folder, lambda device: asyncio.sleep(0))
