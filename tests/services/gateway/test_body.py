from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from llmagentos.services.gateway import body
from llmagentos.services.gateway.body import LIMIT, VALUES, Refused, read, written
from llmagentos.syscalls.errors import TooBig


def taken(parts: Iterable[bytes] | None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Read a body that comes in parts; None for a client that hangs up."""
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts or ()
    ]
    end: Message = {"type": "http.request", "body": b"", "more_body": False}
    messages.append(end if parts is not None else {"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    lines = [(key.lower().encode(), one.encode()) for key, one in (headers or {}).items()]
    return asyncio.run(read(Request({"type": "http", "headers": lines}, receive)))


def refusal(parts: Iterable[bytes] | None, headers: dict[str, str] | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        taken(parts, headers)
    return caught.value


def test_parts_are_put_together() -> None:
    assert taken([b'{"a":', b" 1}"]) == {"a": 1}
    assert taken([]) == taken([b" \n"]) == {}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x" * 5000])
def test_other_content_types_are_refused(kind: str) -> None:
    refused = refusal([b"{}"], {"Content-Type": kind})
    assert refused.status == 415 and len(refused.detail) < 200
    assert taken([b"{}"], {"Content-Type": "Application/JSON; charset=utf-8"}) == {}


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        (b"{", 400, "line 1"),
        (b"{'a': 1}", 400, "double quotes"),
        (b"\xff\x00\xfe", 400, "decode"),
        (b'{"a": NaN}', 400, "number that is none"),
        (b'{"a": 1e999}', 400, "number that is none"),
        (b'{"a": 99999999999999999999}', 400, "64 bits"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "64 bits"),
        (b'{"a": "\\ud800"}', 400, "surrogates"),
        (b'{"\\ud800": 1}', 400, "surrogates"),
        (b'{"a": ' + b"[" * 201 + b"]" * 201 + b"}", 400, "deeper than 200"),
        (b"[" * 100_000, 400, "recursion"),
        (b"[]", 422, "object"),
        (b"null", 422, "object"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_explained(text: bytes, status: int, why: str) -> None:
    refused = refusal([text])
    assert refused.status == status and why in refused.detail


def test_body_of_more_values_than_are_read_in_little_time_is_refused() -> None:
    many = b"[" + b"[]," * (VALUES // 2) + b"1]"
    assert refusal([b'{"a":' + many + b"}"]).status == 413
    names = b",".join(b'"%d":0' % number for number in range(VALUES + 2))
    assert refusal([b'{"a":{' + names + b"}}"]).status == 413
    # What stands in a text is none.
    text = r"1,2,[\"\\" * (VALUES // 2)
    assert taken([json.dumps({"a": text, "b": text}).encode()]) == {"a": text, "b": text}


def test_coded_body_is_refused() -> None:
    assert refusal([b"\x1f\x8b"], {"Content-Encoding": "gzip"}).status == 415
    assert taken([b"{}"], {"Content-Encoding": "identity"}) == {}


def test_result_is_written_in_what_json_carries() -> None:
    assert (
        written({"a": b"\xff\xfe>", "b": [1.5, "é"], 2: None})
        == '{"a":"//4+","b":[1.5,"é"],"2":null}'
    )
    assert written({"a": math.inf, "b": b"x"}) == '{"a":null,"b":"eA=="}'
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TooBig):
        written(deep)


def test_body_past_the_limit_is_refused_before_it_has_all_come() -> None:
    assert refusal([b"{}"], {"Content-Length": str(LIMIT + 1)}).status == 413

    def endless() -> Iterable[bytes]:
        for _ in range(LIMIT // 2**20 + 1):
            yield b" " * 2**20

    assert refusal(endless()).status == 413


def test_client_that_hangs_up_midway_disturbs_nobody() -> None:
    assert refusal(None).status == 400


def test_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.0)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    with pytest.raises(Refused) as caught:
        asyncio.run(read(Request({"type": "http", "headers": []}, receive)))
    assert caught.value.status == 408


@given(st.binary(max_size=200))
def test_noise_is_a_map_or_a_refusal(data: bytes) -> None:
    try:
        assert isinstance(taken([data]), dict)
    except Refused as refused:
        assert refused.status in (400, 422)
