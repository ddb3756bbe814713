"""The body of a request: a JSON object in bounds.

Interface:
    Refused         what is wrong with it, and the HTTP status
    read            a request's arguments
    jsonable        a result in what JSON carries
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from fastapi import Request

#: Bytes of a body: what a frame holds, less its header.
LIMIT = 15 * 1024 * 1024
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
        raise Refused(415, f"the body is {kind}; application/json is wanted")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LIMIT:
            raise Refused(413, f"the body has more than {LIMIT} bytes")
    if not data.strip():
        return {}
    try:
        found = json.loads(data)
        _check(found)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON that can be taken: {error}") from None
    if not isinstance(found, dict):
        raise Refused(422, "the body is a JSON object of arguments")
    return found


def _check(value: Any) -> None:
    """Raise ValueError for what JSON can write and a message cannot carry."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is none")
    if isinstance(value, int) and value not in _INTEGERS:
        raise ValueError("an integer past 64 bits")
    if isinstance(value, str):
        value.encode()  # A lone surrogate is a ValueError.
    if isinstance(value, list):
        for one in value:
            _check(one)
    if isinstance(value, dict):
        for key, one in value.items():
            _check(key)
            _check(one)


def jsonable(value: Any) -> Any:
    """Return a result in what JSON carries; bytes become base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [jsonable(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
