"""A record comes back as it was written, or not at all."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.journal import record as module
from llmagentos.kernel.journal.record import Damaged, Kind, Record, Torn, decode, digest, encode
from llmagentos.syscalls.errors import TooBig

RECORDS = st.builds(
    Record,
    kind=st.sampled_from(Kind),
    time=st.floats(allow_nan=False),
    pid=st.integers(0, 2**32),
    incarnation=st.integers(1, 9),
    seq=st.integers(0, 2**60),
    syscall=st.text(max_size=20),
    digest=st.binary(max_size=16),
    outcome=st.text(max_size=9),
    body=st.binary(max_size=64),
    synced=st.booleans(),
    trace=st.text(max_size=9),
    hashed=st.booleans(),
)


def framed(values: Any) -> bytes:
    body: bytes = msgpack.packb(values)
    return struct.pack("!II", len(body), zlib.crc32(body)) + body


def values_of(record: Record) -> list[Any]:
    values: list[Any] = msgpack.unpackb(encode(record)[8:])
    return values


@given(RECORDS, st.binary(max_size=20), st.binary(max_size=20))
def test_record_comes_back_as_it_was_written(record: Record, before: bytes, after: bytes) -> None:
    encoded = encode(record)
    end = len(before) + len(encoded)
    assert decode(before + encoded + after, len(before)) == (record, end)


@given(RECORDS, st.data())
def test_record_that_is_cut_anywhere_is_torn(record: Record, data: st.DataObject) -> None:
    encoded = encode(record)
    with pytest.raises(Torn):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))], 0)


@given(RECORDS, st.data())
def test_flipped_bit_is_never_taken_for_a_record(record: Record, data: st.DataObject) -> None:
    encoded = bytearray(encode(record))
    bit = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        decode(bytes(encoded), 0)


@given(RECORDS, RECORDS, st.data())
def test_flipped_bit_before_other_records_is_damage_and_hides_none_of_them(
    record: Record, after: Record, data: st.DataObject
) -> None:
    encoded = bytearray(encode(record))
    bit = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged) as found:
        decode(bytes(encoded) + encode(after), 0)
    assert not isinstance(found.value, Torn) and found.value.end == len(encoded)


def test_record_of_an_older_release_has_its_defaults_and_of_a_newer_one_its_known_fields() -> None:
    record = Record(kind=Kind.CALL, time=1.0, pid=7, body=b"x", trace="abc", hashed=True)
    old, _ = decode(framed(values_of(record)[:11]), 0)
    assert old is not None and (old.pid, old.trace, old.hashed) == (7, "", False)
    assert decode(framed([*values_of(record), "more"]), 0)[0] == record


def test_unknown_kind_is_passed_over_and_another_version_is_damage() -> None:
    values = values_of(Record(kind=Kind.CALL, time=1.0, pid=7))
    assert decode(framed([1, 99, *values[2:]]), 0)[0] is None
    for wrong in ([2, *values[1:]], values[:5], {"a": 1}, []):
        with pytest.raises(Damaged, match="version"):
            decode(framed(wrong), 0)


def test_zeros_at_the_end_are_torn_and_in_the_middle_are_damage() -> None:
    with pytest.raises(Torn, match="zeros"):
        decode(bytes(100), 0)
    with pytest.raises(Damaged, match="announces 0") as found:
        decode(bytes(100) + b"x", 0)
    assert not isinstance(found.value, Torn)


def test_length_that_no_record_has_is_damage() -> None:
    with pytest.raises(Damaged, match="announces") as found:
        decode(b"\xff" * 100, 0)
    assert found.value.end is None


def test_record_that_no_reader_would_take_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 100)
    with pytest.raises(TooBig):
        encode(Record(kind=Kind.CALL, time=1.0, pid=7, body=bytes(100)))


def test_digest_has_sixteen_bytes_and_tells_bodies_apart() -> None:
    assert len(digest(b"")) == 16 and digest(b"a") != digest(b"b")
