"""One record of the journal, and its bytes.

On disk a record is `length u32 | crc32 u32 | body`, big-endian, the body a msgpack array that
starts with the version and the kind. Fields that are missing at the end have their defaults, and
fields after the known ones are ignored. The checksum is that of the body.

Interface:
    Record          what happened
    Kind            what kind of thing it was
    encode, decode  to bytes, and from a buffer at an offset
    Torn, Damaged   why bytes are no record
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field, fields
from enum import IntEnum
from hashlib import blake2b
from io import BytesIO
from typing import Any

import msgpack

from ...syscalls.errors import TooBig

VERSION = 1
#: Of what stands in the records, as a file's census says: 1 had none, and its records lack what
#: comes after the arguments; whoever reads them takes the defaults.
SCHEMA = 2
#: The largest body; a longer length in a file is damage.
MAX_BODY = 32 * 1024 * 1024
#: Bytes that are read at once of a damaged record, to see where it ends.
PIECE = 1024
_PREFIX = struct.Struct("!II")
_SOMETHING = re.compile(rb"[^\0]")
#: Values that every record of this version has had, the version among them.
_FIELDS = 11


class Kind(IntEnum):
    """What a record tells of."""

    #: A process began; `body` is a map of what was ordered.
    START = 0
    #: A call whose effect cannot be repeated is about to go out.
    INTENT = 1
    #: A call has ended; `outcome` and `body` say how.
    CALL = 2
    #: A process has ended; `outcome` is its exit code as text.
    EXIT = 3
    #: Something of the kernel's own, such as a boot; `outcome` says what.
    MARK = 4
    #: A durable process was sent an item of a stream, the `body`.
    ITEM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What happened. Enough to run a process again from it."""

    kind: Kind
    #: Seconds since 1970.
    time: float
    pid: int
    #: How often the process has been started; a durable one more than once.
    incarnation: int = 1
    #: Which of the process's own calls this is, from 1; 0 for one made on its behalf.
    seq: int = 0
    syscall: str = ""
    #: BLAKE2b of the arguments' bytes, 16 bytes.
    digest: bytes = b""
    #: `ok`, or the code of the error.
    outcome: str = ""
    #: The result or the error as it went over the wire, or its digest.
    body: bytes = b""
    #: Whether the record must be on the disk before the effect goes out.
    synced: bool = False
    #: The trace that the call belongs to.
    trace: str = ""
    #: Whether `body` is only the digest of a result that was too long to keep.
    hashed: bool = False
    #: Pid of whoever made the call on the process's behalf; 0 for one of its own.
    origin: int = 0
    #: The kernel's number of the call, unique until it stops: an intent has that of its outcome.
    number: int = 0
    #: The arguments as they went over the wire, where they are kept.
    arguments: bytes = b""
    #: The number that a durable process gave its call, from 1; 0 for anything else.
    ask: int = 0
    #: How many calls the process had made by then, so that it is told of this one no sooner when it
    #: runs again.
    asked: int = 0
    #: Another process that has to know of it when it runs again; 0 for none.
    also: int = 0
    #: What else is to be known: `used` by the call, `taints` of the process, and so on.
    notes: dict[str, Any] = field(default_factory=dict)


_KINDS = frozenset(map(int, Kind))
#: A record's fields as they follow the version.
_NAMES = tuple(one.name for one in fields(Record))


class Damaged(Exception):
    """The bytes are no record; `end` is where the next one may begin, None where nobody can say.

    `looked` is how many bytes were read to find that out.
    """

    def __init__(self, reason: str, end: int | None = None, looked: int = 0) -> None:
        super().__init__(reason)
        self.end = end
        self.looked = looked


class Torn(Damaged):
    """The bytes end within the record, as they do where its writer was killed."""


def digest(body: bytes) -> bytes:
    """Return the digest of a call's arguments."""
    return blake2b(body, digest_size=16).digest()


def encode(record: Record) -> bytes:
    """Return a record's bytes. Raises `TooBig` for a body that no reader would take."""
    body: bytes = msgpack.packb(
        (
            VERSION, int(record.kind), record.time, record.pid, record.incarnation, record.seq,
            record.syscall, record.digest, record.outcome, record.body, record.synced,
            record.trace, record.hashed, record.origin, record.number, record.arguments,
            record.ask, record.asked, record.also, record.notes,
        )
    )  # fmt: skip
    if len(body) > MAX_BODY:
        raise TooBig(f"a journal record of {len(body)} bytes; it holds {MAX_BODY}")
    return _PREFIX.pack(len(body), zlib.crc32(body)) + body


def decode(buffer: bytes, start: int) -> tuple[Record | None, int]:
    """Return the record at an offset and the offset after it. Raises `Torn` or `Damaged`.

    The record is None where it is whole and of a kind that a later release has added.
    """
    if len(buffer) - start < _PREFIX.size:
        raise Torn("the file ends within a record's head")
    length, checksum = _PREFIX.unpack_from(buffer, start)
    begin = start + _PREFIX.size
    end = begin + length
    if not length and _SOMETHING.search(buffer, start) is None:
        raise Torn("the file ends in zeros")
    body = buffer[begin:end] if length <= MAX_BODY and end <= len(buffer) else b""
    if not body or zlib.crc32(body) != checksum:
        raise _broken(length, buffer, begin, checksum)
    try:
        values = msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, TypeError) as error:
        raise Damaged(f"a record's body cannot be read: {error}", end) from error
    if type(values) is not list or len(values) < _FIELDS or values[0] != VERSION:
        raise Damaged("a record of another version", end)
    if values[1] not in _KINDS:
        return None, end
    return Record(**dict(zip(_NAMES, [Kind(values[1]), *values[2:]], strict=False))), end


def _broken(length: int, buffer: bytes, begin: int, checksum: int) -> Damaged:
    """Say why bytes are no record. Where its body ends it also tells by itself."""
    file = BytesIO(buffer)  # No copy.
    file.seek(begin)
    unpacker = msgpack.Unpacker(
        file, read_size=PIECE, max_buffer_size=MAX_BODY, strict_map_key=False
    )
    whole = True
    try:
        unpacker.skip()
    except msgpack.OutOfData:
        whole = False
    except (ValueError, TypeError):
        pass
    end, left, looked = begin + unpacker.tell(), len(buffer) - begin, file.tell() - begin
    sound = 0 < length <= MAX_BODY
    if sound and length <= left:
        looked += length
    own = memoryview(buffer)[begin:end]
    if whole and 0 < len(own) <= MAX_BODY and zlib.crc32(own) == checksum:
        reason = f"a record announces {length} bytes and has {len(own)}"
        return Damaged(reason, end, looked)
    if not sound:
        return Damaged(f"a record announces {length} bytes", None, looked)
    if length <= left:
        return Damaged("a record's checksum is wrong", begin + length, looked)
    if whole:
        reason = f"a record announces {length} bytes, of which the file has {left}"
        return Damaged(reason, None, looked)
    return Torn("the file ends within a record", None, looked)
