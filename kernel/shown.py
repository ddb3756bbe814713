"""Values of processes as people are shown them.

Interface:
    decoded         the value of a body
    bounded         it, or the beginning of it as text where it is long
    line            a text as one line that may stand on a terminal
"""

from __future__ import annotations

import json
from typing import Any

from ..syscalls.codec import pack, unpack
from ..syscalls.errors import InvalidArgument, ProtocolError


def decoded(body: bytes) -> Any:
    """Return a body's value, None for one that has none: its sender was told of it."""
    try:
        return unpack(body)
    except ProtocolError:
        return None


def bounded(value: Any, most: int) -> Any:
    """Return a value that takes no more than so many bytes in a message, or a text about it."""
    try:
        # It is to stand within another message.
        if len(pack([[[value]]])) <= most:
            return value
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    except (InvalidArgument, RecursionError):
        return "(nested too deep to be shown)"
    return f"{text.encode()[:most].decode(errors='ignore')}… ({len(text)} characters)"


def line(text: str, most: int) -> str:
    """Return at most so many characters of a text, and none that could steer a terminal."""
    kept = "".join(one if one.isprintable() else " " for one in text[: most + 1])
    return kept if len(kept) <= most else f"{kept[:most]}…"
