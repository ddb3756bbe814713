"""One record of the journal, and its bytes.

On disk a record is `length u32 | crc32 u32 | body`, big-endian, the body a msgpack array that
starts with the version and the kind. Fields after the known ones are ignored.

Interface:
    Record          what happened
    Kind            what kind of thing it was
    encode, decode  to bytes, and from a buffer at an offset
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b

import msgpack

VERSION = 1
#: The largest body; a longer length in a file is damage.
MAX_BODY = 32 * 1024 * 1024
_PREFIX = struct.Struct("!II")


class Kind(IntEnum):
    """What a record tells of."""

    #: A process began; `body` holds its program and task.
    START = 0
    #: A call whose effect cannot be repeated is about to go out.
    INTENT = 1
    #: A call has ended; `outcome` and `body` say how.
    CALL = 2
    #: A process has ended; `outcome` is its exit code as text.
    EXIT = 3
    #: Something of the kernel's own, such as a boot.
    MARK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What happened. Enough to run a process again from it."""

    kind: Kind
    #: Seconds since 1970.
    time: float
    pid: int
    #: How often the process has been started; a durable one more than once.
    incarnation: int = 1
    #: Which of the process's calls this is, from 1.
    seq: int = 0
    syscall: str = ""
    #: BLAKE2b of the arguments' bytes, 16 bytes.
    digest: bytes = b""
    #: `ok`, or the code of the error.
    outcome: str = ""
    #: The result or the error as it went over the wire.
    body: bytes = b""
    #: Whether the record must be on the disk before the effect goes out.
    synced: bool = False


class Damaged(Exception):
    """The bytes are no whole record."""


def digest(body: bytes) -> bytes:
    """Return the digest of a call's arguments."""
    return blake2b(body, digest_size=16).digest()


def encode(record: Record) -> bytes:
    """Return a record's bytes."""
    body: bytes = msgpack.packb(
        (
            VERSION, int(record.kind), record.time, record.pid, record.incarnation, record.seq,
            record.syscall, record.digest, record.outcome, record.body, record.synced,
        )
    )  # fmt: skip
    return _PREFIX.pack(len(body), zlib.crc32(body)) + body


def decode(buffer: bytes, start: int) -> tuple[Record, int]:
    """Return the record at an offset and the offset after it. Raises `Damaged`."""
    if len(buffer) - start < _PREFIX.size:
        raise Damaged("the file ends within a record's head")
    length, checksum = _PREFIX.unpack_from(buffer, start)
    begin = start + _PREFIX.size
    if length > MAX_BODY or len(buffer) - begin < length:
        raise Damaged("the file ends within a record")
    body = buffer[begin : begin + length]
    if zlib.crc32(body) != checksum:
        raise Damaged("a record's checksum is wrong")
    fields = msgpack.unpackb(body)
    if type(fields) is not list or len(fields) < 11 or fields[0] != VERSION:
        raise Damaged("a record of another version")
    _, kind, time, pid, incarnation, seq, syscall, hashed, outcome, result, synced = fields[:11]
    record = Record(
        kind=Kind(kind), time=time, pid=pid, incarnation=incarnation, seq=seq, syscall=syscall,
        digest=hashed, outcome=outcome, body=result, synced=synced,
    )  # fmt: skip
    return record, begin + length
