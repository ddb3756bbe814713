"""The one module that knows msgpack and the shape of a frame.

Interface:
    pack_frame(header, body)   bytes to write
    Decoder                    bytes read, to (header, body) pairs
    pack, unpack               a body, to and from Python values
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any

import msgpack

from .errors import InvalidArgument, ProtocolError, TooBig
from .message import MAX_FRAME, VERSION, Kind

_PREFIX = struct.Struct("!IH")
_KINDS = frozenset(int(kind) for kind in Kind)
_packer = msgpack.Packer(use_bin_type=True)


def _plain(value: Any) -> Any:
    """Turn records, enums and paths into what msgpack carries."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, BaseException):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent in a message")


def pack(value: Any) -> bytes:
    """Return a body. Raises `InvalidArgument` for a value that msgpack cannot carry."""
    try:
        return msgpack.packb(value, use_bin_type=True, default=_plain)  # type: ignore[no-any-return]
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidArgument(f"not a value that a message can carry: {error}") from None


def unpack(body: bytes) -> Any:
    """Return a body's value; an empty body is None. Raises `ProtocolError` if it is no msgpack."""
    if not body:
        return None
    try:
        return msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        # TypeError: a map with a list for a key.
        raise ProtocolError(f"the body is not msgpack: {error}") from None


def pack_frame(header: Sequence[Any], body: bytes = b"") -> bytes:
    """Return one frame. Raises `TooBig` past MAX_FRAME."""
    head: bytes = _packer.pack(header)
    size = 2 + len(head) + len(body)
    if size > MAX_FRAME:
        raise TooBig(f"a message of {size} bytes; a frame holds {MAX_FRAME}")
    return _PREFIX.pack(size, len(head)) + head + body


class Decoder:
    """Cuts a byte stream into frames. One per connection; not thread-safe."""

    __slots__ = ("_buffer", "_needed", "_parts", "_size")

    def __init__(self) -> None:
        self._buffer = b""
        #: The rest of a large frame is gathered in parts and joined once it is whole.
        self._parts: list[bytes] = []
        self._size = self._needed = 0

    def feed(self, data: bytes) -> Iterator[tuple[list[Any], bytes]]:
        """Yield each whole (header, body) that `data` completes.

        Raises `ProtocolError` or `TooBig` for a stream that cannot be read any further; the
        connection must then be closed, since the next frame's start is unknown.
        """
        if self._needed:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return
            data, self._parts, self._needed = b"".join(self._parts), [], 0
        buffer = self._buffer + data if self._buffer else data
        start, end = 0, len(buffer)
        try:
            while end - start >= 6:
                size, head_size = _PREFIX.unpack_from(buffer, start)
                if size > MAX_FRAME:
                    raise TooBig(f"a frame announces {size} bytes; the limit is {MAX_FRAME}")
                if head_size + 2 > size:
                    raise ProtocolError("a frame's header is longer than the frame")
                stop = start + 4 + size
                if end < stop:
                    self._needed, self._size = stop - end, 0
                    break
                middle = start + 6 + head_size
                header = _header(buffer[start + 6 : middle])
                body = buffer[middle:stop]
                start = stop
                yield header, body
        finally:
            self._buffer = buffer[start:]


def _header(data: bytes) -> list[Any]:
    try:
        header = msgpack.unpackb(data)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(f"the header is not msgpack: {error}") from None
    if type(header) is not list or len(header) < 3:
        raise ProtocolError("the header is not an array of at least version, kind and call")
    if header[0] != VERSION:
        raise ProtocolError(f"protocol version {header[0]!r}; this side speaks {VERSION}")
    if type(header[1]) is not int or header[1] not in _KINDS or type(header[2]) is not int:
        raise ProtocolError(f"not a message: kind {header[1]!r}, call {header[2]!r}")
    return header
