"""The body of a request: a JSON object in bounds.

Interface:
    Refused         what is wrong with it, and the HTTP status
    read            a request's arguments
    jsonable        a result in what JSON carries
    written         a result as JSON
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from ...syscalls.errors import TooBig

#: Bytes of a body: what a frame holds, less its header.
LIMIT = 15 * 1024 * 1024
#: Values in a body: to read them takes the loop some tenths of a second.
VALUES = 500_000
#: Seconds until all of a body has to be here.
PATIENCE = 30.0
#: How deep its values may be nested.
DEPTH = 200
_INTEGERS = range(-(2**63), 2**64)
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


class Refused(Exception):
    """The body cannot be taken."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


async def read(request: Request) -> dict[str, Any]:
    """Return the arguments in a request. Raises `Refused`."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise Refused(415, f"the body is coded as {coding[:100]}, which is not taken")
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind.lower() not in ("application/json", ""):
        raise Refused(415, f"the body is {kind[:100]}; application/json is wanted")
    try:
        async with asyncio.timeout(PATIENCE):
            data = await _whole(request)
    except TimeoutError:
        raise Refused(408, f"the body is not here after {PATIENCE:.0f} seconds") from None
    except ClientDisconnect:
        raise Refused(400, "the client has hung up") from None
    if not data.strip():
        return {}
    if _values(data) > VALUES:
        raise Refused(413, f"the body has more than {VALUES} values")
    try:
        found = json.loads(data)
        _check(found, DEPTH)
    except (ValueError, RecursionError) as error:
        # Of a long integer Python says what its programmer should do.
        said = "an integer past 64 bits" if "set_int_max" in str(error) else error
        raise Refused(400, f"the body is no JSON that can be taken: {said}") from None
    if not isinstance(found, dict):
        raise Refused(422, "the body is to be a JSON object of arguments")
    return found


async def _whole(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    length = int(announced) if announced.isdecimal() else 0
    data = bytearray()
    if length <= LIMIT:
        async for part in request.stream():
            data += part
            if (length := len(data)) > LIMIT:
                break
    if length > LIMIT:
        raise Refused(413, f"the body has more than {LIMIT} bytes")
    return bytes(data)


def _values(data: bytes) -> int:
    """Return about how many values there are in JSON, without reading it."""

    def marks(text: bytes) -> int:
        return text.count(b",") + text.count(b"[") + text.count(b"{")

    # In texts such marks mean nothing, but to leave those out takes longer than to count. Of two
    # texts one at least is a value; the other may be its name.
    count, texts = marks(data), (data.count(b'"') - data.count(b'\\"')) // 2
    if count <= VALUES or texts // 2 > VALUES:
        return count
    return marks(_TEXT.sub(b"", data))


def _check(value: Any, depth: int) -> None:
    """Raise ValueError for what JSON can write and a message cannot carry."""
    if depth == 0:
        raise ValueError(f"it is nested deeper than {DEPTH}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is none")
    if isinstance(value, int) and value not in _INTEGERS:
        raise ValueError("an integer past 64 bits")
    if isinstance(value, str):
        value.encode()  # A lone surrogate is a ValueError.
    if isinstance(value, list):
        for one in value:
            _check(one, depth - 1)
    if isinstance(value, dict):
        for key, one in value.items():
            _check(key, depth - 1)
            _check(one, depth - 1)


def written(value: Any) -> str:
    """Return a result as JSON; bytes become base64. Raises `TooBig`."""
    try:
        return _dumped(value, default=_bytes)
    except (TypeError, ValueError, RecursionError):  # Something that JSON knows no way to write.
        return _dumped(jsonable(value))


def _dumped(value: Any, **how: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), **how)


def _bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError


def jsonable(value: Any) -> Any:
    """Return a result in what JSON carries; bytes become base64. Raises `TooBig`."""
    try:
        return _plain(value)
    except RecursionError:
        raise TooBig("the result is nested deeper than JSON can be written") from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
