"""The device against an endpoint that answers as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from aiohttp import web

from llmagentos.drivers.inference.contract import Delta, Request, Sampling
from llmagentos.drivers.inference.openai import device as device_module
from llmagentos.drivers.inference.openai.device import OpenAIDevice
from llmagentos.syscalls.errors import (
    DeviceError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TryAgain,
)

ASKED = Request(messages=[{"role": "user", "content": "hello"}])


def drawn(**fields: Any) -> Request:
    return replace(ASKED, sampling=Sampling(**fields))


DONE = "data: [DONE]"
Answer = Callable[[dict[str, Any]], web.StreamResponse]


def stream(*chunks: Any) -> Answer:
    """Answer with server-sent events; a text goes out as it is."""
    lines = (one if isinstance(one, str) else f"data: {json.dumps(one)}" for one in chunks)
    body = "".join(f"{line}\n\n" for line in lines)
    return lambda _: web.Response(text=body, headers={"Content-Type": "text/event-stream"})


def piece(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def refusing(*fields: str, text: str = "Unrecognized request argument supplied: {}") -> Answer:
    def answer(body: dict[str, Any]) -> web.StreamResponse:
        for field in fields:
            if field in body:
                return web.json_response({"error": {"message": text.format(field)}}, status=400)
        return stream(piece("stop", content="hi"))(body)

    return answer


class Endpoint:
    """Remembers what it was sent."""

    def __init__(self) -> None:
        self.base = ""
        self.answer: Answer = stream(piece("stop", content="hi"))
        self.asked = asyncio.Event()
        self.models = [{"id": "llama3.2:latest"}, {"id": "big"}]
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def on_models(self, request: web.Request) -> web.StreamResponse:
        self.asked.set()
        if not self.models:
            await asyncio.Event().wait()
        return web.json_response({"data": self.models})

    async def on_chat(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return self.answer(self.bodies[-1])


def beside(scene: Callable[[Endpoint], Awaitable[None]]) -> None:
    """Run a scene beside an endpoint."""

    async def whole() -> None:
        endpoint = Endpoint()
        app = web.Application(client_max_size=10**8)
        app.router.add_post("/v1/chat/completions", endpoint.on_chat)
        app.router.add_get("/v1/models", endpoint.on_models)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint.base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            await scene(endpoint)
        finally:
            await runner.cleanup()

    uvloop.run(whole())


async def said(device: OpenAIDevice, request: Request = ASKED) -> tuple[str, Delta]:
    """Return a reply's text, and its last piece."""
    deltas = [delta async for delta in device.chat(request)]
    return "".join(delta.text for delta in deltas), deltas[-1]


def replied(*chunks: Any, prices: dict[str, Any] | None = None) -> tuple[str, Delta]:
    """Return what the device makes of a stream."""
    result: list[tuple[str, Delta]] = []

    async def scene(endpoint: Endpoint) -> None:
        endpoint.answer = stream(*chunks)
        device = OpenAIDevice(endpoint.base, "m", None, prices)
        try:
            result.append(await said(device))
        finally:
            await device.close()

    beside(scene)
    return result[0]


def test_a_reply_is_streamed_and_its_last_piece_carries_the_end() -> None:
    usage = {"prompt_tokens": 2_000_000, "completion_tokens": 1_000_000}
    text, last = replied(
        piece(role="assistant"), piece(content="Hello "), ": a comment", "data:",
        piece(content=[{"type": "text", "text": "Ada"}, {"type": "image"}]), piece("length"),
        {"choices": [], "usage": usage, "error": None}, DONE,
        prices={"input": 3, "output": 10.5},
    )  # fmt: skip
    assert text == "Hello Ada" and last.finish == "length" and last.usage is not None
    assert (last.usage.input_tokens, last.usage.output_tokens) == (2_000_000, 1_000_000)
    assert last.usage.money == 16.5


@pytest.mark.parametrize("chunks", [(), (piece(content="The answer is NO"),), (": ping",)])
def test_an_answer_that_breaks_off_is_an_error(chunks: tuple[Any, ...]) -> None:
    with pytest.raises(DeviceError, match="cut off"):
        replied(*chunks)


def test_done_is_an_end_without_a_reason() -> None:
    text, last = replied(piece(content="hi"), DONE)
    assert (text, last.finish) == ("hi", "stop")


@pytest.mark.parametrize(
    ("chunk", "why"),
    [
        ({"error": {"message": "overloaded"}}, "overloaded"),
        ({"error": "overloaded"}, "overloaded"),
        (piece("content_filter", content="h"), "content filter"),
        ("data: {nope", "no chat completion"),
        ({"choices": 5}, "no chat completion"),
        ([], "no chat completion"),
        (piece(content={"odd": 1}), "no chat completion"),
    ],
)
def test_an_answer_that_is_none_says_why(chunk: Any, why: str) -> None:
    with pytest.raises(DeviceError, match=why):
        replied(piece(content="so far"), chunk)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (15, 3)),
        ({}, (15, 3)),
        ({"prompt_tokens": "many", "completion_tokens": None}, (15, 3)),
        ({"prompt_tokens": 7}, (7, 3)),
        ({"prompt_tokens": -(10**6), "completion_tokens": 5.0}, (0, 5)),
    ],
)
def test_what_a_server_does_not_count_is_estimated(usage: Any, tokens: tuple[int, int]) -> None:
    # [[{"role": "user", "content": "hello"}], null] has 46 bytes.
    chunks = [piece(role="assistant"), *(piece(content=word) for word in "abc"), piece("stop")]
    _, last = replied(*chunks, {"choices": [], "usage": usage})
    assert last.usage is not None
    assert (last.usage.input_tokens, last.usage.output_tokens) == tokens


def test_a_tool_call_may_come_in_one_long_line() -> None:
    arguments = json.dumps({"text": "x" * 1_000_000})
    call = {"index": 0, "id": "a", "function": {"name": "file_write", "arguments": arguments}}
    _, last = replied(piece(tool_calls=[call]), piece("stop"))
    assert last.finish == "tool_calls"
    assert last.tool_calls[0]["function"]["arguments"] == arguments


def test_an_answer_that_is_not_streamed_is_taken_as_well() -> None:
    message = {"content": "hi", "tool_calls": [{"function": {"name": "a", "arguments": {"x": 1}}}]}

    async def scene(endpoint: Endpoint) -> None:
        endpoint.answer = lambda _: web.json_response({"choices": [{"message": message}]})
        device = OpenAIDevice(endpoint.base, "m", None)
        text, last = await said(device)
        assert (text, last.finish) == ("hi", "tool_calls")
        assert last.tool_calls[0]["function"] == {"name": "a", "arguments": '{"x": 1}'}
        assert last.usage is not None and last.usage.output_tokens == len(json.dumps(message)) // 3
        for body, why in (("", "cut off"), ("{}", "no chat completion"), ("[]", "no chat")):
            endpoint.answer = lambda _, body=body: web.Response(text=body)  # type: ignore[misc]
            with pytest.raises(DeviceError, match=why):
                await said(device)
        await device.close()

    beside(scene)


def test_what_is_asked_for_is_sent_and_nothing_else() -> None:
    async def scene(endpoint: Endpoint) -> None:
        device = OpenAIDevice(endpoint.base, "m", "a key")
        await said(device)
        plain = {
            "model": "m", "messages": ASKED.messages, "max_tokens": 512, "temperature": 0.0,
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        assert endpoint.bodies[-1] == plain
        assert endpoint.headers[-1]["Authorization"] == "Bearer a key"
        more: dict[str, Any] = {
            "top_p": 0.5,
            "top_k": 5,
            "seed": 0,
            "stop": ["x"],
            "logprobs": True,
        }
        await said(device, drawn(top_p=0.5, top_k=5, seed=0, stop=["x"], logprobs=0))
        assert endpoint.bodies[-1] == plain | more
        await device.close()

    beside(scene)


def test_a_field_that_a_server_refuses_is_left_out_from_then_on() -> None:
    async def scene(endpoint: Endpoint) -> None:
        device = OpenAIDevice(endpoint.base, "m", None)
        endpoint.answer = refusing("stream_options", "max_tokens", "top_k")
        request = drawn(top_k=5, seed=7)
        assert (await said(device, request))[0] == "hi" and len(endpoint.bodies) == 4
        last = endpoint.bodies[-1]
        assert last["max_completion_tokens"] == 512 and last["seed"] == 7
        assert not last.keys() & {"stream_options", "max_tokens", "top_k"}
        assert (await said(device, request))[0] == "hi" and len(endpoint.bodies) == 5
        await device.close()

    beside(scene)


def test_a_refusal_that_leaving_a_field_out_does_not_cure_is_told_and_nothing_learnt() -> None:
    async def scene(endpoint: Endpoint) -> None:
        device = OpenAIDevice(endpoint.base, "m", None)
        request = drawn(stop=["x"], temperature=3.0, seed=7)
        for answer, why in (
            (refusing("stop"), "supplied: stop"),
            (refusing("temperature", text="{} must be between 0 and 2"), "between"),
            (refusing("model", text="the seed of all evil"), "evil"),
        ):
            endpoint.answer = answer
            with pytest.raises(InvalidArgument, match=why):
                await said(device, request)
        endpoint.answer = stream(piece("stop", content="hi"))
        await said(device, request)
        assert endpoint.bodies[-1]["seed"] == 7 and endpoint.bodies[-1]["temperature"] == 3.0
        await device.close()

    beside(scene)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidArgument), (401, PermissionDenied), (404, NotFound), (422, InvalidArgument),
     (429, TryAgain), (500, DeviceError), (503, DeviceError)],
)  # fmt: skip
def test_a_status_is_told_in_the_servers_own_words(status: int, kind: type[Exception]) -> None:
    async def scene(endpoint: Endpoint) -> None:
        device = OpenAIDevice(endpoint.base, "m", None)
        for text in (
            '{"error": {"message": "no way"}}',
            '{"error": "no way"}',
            "[no way",
            "no way",
        ):
            endpoint.answer = lambda _, text=text: web.Response(text=text, status=status)  # type: ignore[misc]
            with pytest.raises(kind, match="no way"):
                await said(device)
        await device.close()

    beside(scene)


def test_a_model_is_found_with_or_without_its_usual_tag() -> None:
    async def scene(endpoint: Endpoint) -> None:
        for name, meant in (("llama3.2", "llama3.2"), (None, "llama3.2:latest"), ("big", "big")):
            device = OpenAIDevice(endpoint.base, name, None)
            await device.check()
            assert device.info().name == meant
            await device.close()
        device = OpenAIDevice(endpoint.base, "small", None)
        with pytest.raises(NotFound, match=r"small.*big"):
            await device.check()
        await device.close()

    beside(scene)


def test_a_server_that_never_says_what_it_runs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "CHECK", 0.2)

    async def scene(endpoint: Endpoint) -> None:
        endpoint.models = []
        device = OpenAIDevice(endpoint.base, "m", None)
        with pytest.raises(DeviceError, match=r"nobody answers.*Timeout"):
            await device.check()
        await device.close()

    beside(scene)


def test_a_password_in_the_address_is_sent_and_never_shown() -> None:
    async def scene(endpoint: Endpoint) -> None:
        base = endpoint.base.replace("http://", "http://me:s%40cret@")
        device = OpenAIDevice(base, "m", None)
        await said(device)
        assert endpoint.headers[-1]["Authorization"] == "Basic bWU6c0BjcmV0"  # me:s@cret
        assert device.info().target == f"openai:{endpoint.base}"
        endpoint.answer = lambda _: web.Response(text="nothing")
        with pytest.raises(DeviceError) as failed:
            await said(device)
        assert "cret" not in str(failed.value)
        await device.close()

    beside(scene)


def test_a_closed_device_refuses_and_one_that_is_closed_meanwhile_fails() -> None:
    async def scene(endpoint: Endpoint) -> None:
        device = OpenAIDevice(endpoint.base, "m", None)
        endpoint.models = []
        checking = asyncio.create_task(device.check())
        await endpoint.asked.wait()
        await device.close()
        with pytest.raises(DeviceError, match="nobody answers"):
            await checking
        with pytest.raises(DeviceError, match="not used any more"):
            await said(device)

    beside(scene)


@pytest.mark.parametrize(
    ("prices", "named"),
    [({"input": "3"}, r"prices\.input"), ({"output": -1}, r"prices\.output"), ([], "prices"),
     ({"inptu": 3}, r"prices: .*, perhaps input is meant"), ({"input": 1e999}, r"prices\.input")],
)  # fmt: skip
def test_a_wrong_price_is_named(prices: Any, named: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"drivers\.inference\.settings\.{named}"):
        OpenAIDevice("http://there/v1", "m", None, prices)
