"""Ways to damage bytes and values. All of them are drawn from a seed.

Interface:
    bytewise        damages some bytes
    valuewise       damages a value, in a place or as a whole
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

#: Bytes at which decoders change their minds.
SHARP = bytes([0, 1, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC4, 0xC6, 0xC9, 0xCA,
               0xCB, 0xCF, 0xD3, 0xD4, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xFF])  # fmt: skip
#: Values that programs trip over.
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63 - 1, -(2**63), 2**64 - 1, 0.0, -0.0, float("nan"),
    float("inf"), -float("inf"), 1e308, "", "\0", "\x1b[2J", "\ud7ff\U0010ffff", "../../etc/passwd",
    "%s%n{}{0}", "x" * 300, b"", b"\xff\x00", [], {}, [[]], {"": None}, [None] * 40,
    {"a": {"a": {}}},
)  # fmt: skip


def bytewise(data: bytes, source: Random) -> bytes:
    """Return bytes of which one to four places are damaged."""
    some = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        source.choice(_BYTEWISE)(some, source)
    return bytes(some)


def _flip(some: bytearray, source: Random) -> None:
    if some:
        some[source.randrange(len(some))] ^= 1 << source.randrange(8)


def _sharpen(some: bytearray, source: Random) -> None:
    if some:
        some[source.randrange(len(some))] = source.choice(SHARP)


def _insert(some: bytearray, source: Random) -> None:
    place = source.randrange(len(some) + 1)
    some[place:place] = source.randbytes(source.choice((1, 2, 8, 64)))


def _cut(some: bytearray, source: Random) -> None:
    if some:
        place = source.randrange(len(some))
        del some[place : place + source.choice((1, 2, 8, 64))]


def _repeat(some: bytearray, source: Random) -> None:
    if some:
        place = source.randrange(len(some))
        some[place:place] = some[place : place + source.choice((1, 4, 16))]


_BYTEWISE: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip, _sharpen, _insert, _cut, _repeat,
)  # fmt: skip


def valuewise(value: Any, source: Random) -> Any:
    """Return a value like this one, and odd in a place."""
    if isinstance(value, list) and value and source.random() < 0.8:
        changed = list(value)
        place = source.randrange(len(changed))
        changed[place] = valuewise(changed[place], source)
        return changed
    if isinstance(value, dict) and value and source.random() < 0.8:
        changed = dict(value)
        key = source.choice(list(changed))
        if source.random() < 0.2:
            changed[source.choice(("", "\0", "__class__", "x" * 200))] = changed.pop(key)
        else:
            changed[key] = valuewise(changed[key], source)
        return changed
    if isinstance(value, list) and source.random() < 0.3:
        return [*value, source.choice(ODD)]
    if isinstance(value, str) and value and source.random() < 0.3:
        return bytewise(value.encode(), source).decode(errors="replace")
    return source.choice(ODD)
