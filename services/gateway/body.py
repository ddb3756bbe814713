"""The body of a request: a JSON object in bounds.

Interface:
    Refused         what is wrong with it, and the HTTP status
    read            a request's arguments
    jsonable        a result in what JSON carries
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from ...syscalls.errors import TooBig

#: Bytes of a body: what a frame holds, less its header.
LIMIT = 15 * 1024 * 1024
#: Seconds until all of a body has to be here.
PATIENCE = 30.0
#: How deep its values may be nested.
DEPTH = 200
_INTEGERS = range(-(2**63), 2**64)


class Refused(Exception):
    """The body cannot be taken."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


async def read(request: Request) -> dict[str, Any]:
    """Return the arguments in a request. Raises `Refused`."""
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
    try:
        found = json.loads(data)
        _check(found, DEPTH)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON that can be taken: {error}") from None
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
