"""The device without a model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from llmagentos.drivers.inference.contract import Delta, Request, Sampling
from llmagentos.drivers.inference.scripted import ScriptedDevice
from llmagentos.syscalls.errors import DeviceError, InvalidArgument, NotFound

MESSAGES = [{"role": "user", "content": "one two three"}]


def replies(device: ScriptedDevice, count: int, **fields: int) -> list[list[Delta]]:
    async def run() -> list[list[Delta]]:
        request = Request(messages=MESSAGES, sampling=Sampling(**fields))
        return [[delta async for delta in device.chat(request)] for _ in range(count)]

    return asyncio.run(run())


def test_it_answers_in_turn_and_begins_again(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    call = {"name": "add", "arguments": {"a": 1}}
    script.write_text(json.dumps(["good morning", {"calls": [call]}]))
    first, second, third = replies(ScriptedDevice.read(str(script)), 3)
    assert [delta.text for delta in first] == ["good ", "morning", ""]
    assert first[-1].finish == "stop" and first[-1].usage is not None
    assert (first[-1].usage.input_tokens, first[-1].usage.output_tokens) == (3, 2)
    assert second[-1].finish == "tool_calls"
    assert second[-1].tool_calls[0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert third == first


def test_it_stops_at_the_limit() -> None:
    [[*_, last]] = replies(ScriptedDevice(["a b c"]), 1, max_tokens=2)
    assert last.finish == "length" and last.usage is not None and last.usage.output_tokens == 2


def test_an_error_is_raised_where_the_script_has_one() -> None:
    with pytest.raises(DeviceError, match="on fire"):
        replies(ScriptedDevice([{"text": "well", "error": "on fire"}]), 1)


def test_a_script_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ScriptedDevice.read(str(tmp_path / "nowhere"))
    for content in ("{", "{}", "[]", "[1]", '[{"says": "a"}]'):
        (tmp_path / "bad").write_text(content)
        with pytest.raises(InvalidArgument):
            ScriptedDevice.read(str(tmp_path / "bad"))
