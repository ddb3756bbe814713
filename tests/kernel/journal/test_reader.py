"""A journal is read as far as it is whole, and what is missing is never passed over in silence."""

from __future__ import annotations

import tempfile
import zlib
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.journal import reader
from llmagentos.kernel.journal import record as module
from llmagentos.kernel.journal.reader import LOOKS, Damage, read
from llmagentos.kernel.journal.record import PIECE, Kind, Record, encode
from llmagentos.syscalls.errors import InputOutputError

SIZES = st.lists(st.integers(0, 60), min_size=1, max_size=8)


def records(sizes: list[int]) -> list[Record]:
    return [
        Record(kind=Kind.CALL, time=1.0, pid=1, seq=seq, body=bytes([seq % 256]) * size)
        for seq, size in enumerate(sizes)
    ]


def reading(content: bytes) -> tuple[list[Record], list[Damage], bool]:
    """Return what is read with reports, the reports, and whether strict reading refuses."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "00000001.log").write_bytes(content)
        Path(folder, "notes.log").write_bytes(b"not a segment")
        damage: list[Damage] = []
        found = list(read(Path(folder), damage.append))
        try:
            list(read(Path(folder)))
        except InputOutputError:
            return found, damage, True
        return found, damage, False


@given(SIZES, st.data())
def test_file_that_is_cut_anywhere_gives_every_whole_record(
    sizes: list[int], data: st.DataObject
) -> None:
    written = records(sizes)
    parts = [encode(one) for one in written]
    cut = data.draw(st.integers(0, sum(map(len, parts))))
    ends = [sum(map(len, parts[: number + 1])) for number in range(len(parts))]
    whole = sum(end <= cut for end in ends)
    found, damage, refused = reading(b"".join(parts)[:cut])
    assert found == written[:whole] and not refused
    left = cut - ([0, *ends][whole])
    assert [(one.torn, one.size, one.offset) for one in damage] == (
        [(True, left, cut - left)] if left else []
    )


@given(SIZES, st.data())
def test_flipped_bit_costs_at_most_what_is_reported_and_invents_nothing(
    sizes: list[int], data: st.DataObject
) -> None:
    written = records(sizes)
    parts = [bytearray(encode(one)) for one in written]
    victim = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, len(parts[victim]) * 8 - 1))
    parts[victim][bit // 8] ^= 1 << bit % 8
    found, damage, refused = reading(b"".join(parts))
    assert damage and refused == any(not one.torn for one in damage)
    assert found[:victim] == written[:victim]
    if bit >= 32:  # the length is as it was: the record alone is lost
        assert found == written[:victim] + written[victim + 1 :] and refused
        (one,) = damage
        assert (one.offset, one.size) == (sum(map(len, parts[:victim])), len(parts[victim]))
    else:
        assert all(one in written[victim + 1 :] for one in found[victim:])


@given(st.binary(max_size=200), SIZES)
def test_rubbish_is_reported_and_what_stood_before_it_is_read(
    rubbish: bytes, sizes: list[int]
) -> None:
    written = records(sizes)
    found, damage, _ = reading(b"".join(map(encode, written)) + rubbish)
    assert found == written and bool(damage) == bool(rubbish)


def test_damage_in_the_middle_refuses_naming_the_place() -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = bytearray(b"".join(map(encode, records([5, 5]))))
        content[20] ^= 1
        path = Path(folder, "00000001.log")
        path.write_bytes(content)
        with pytest.raises(InputOutputError, match=r"00000001\.log, byte 0: .*checksum") as error:
            next(read(Path(folder)))
        assert error.value.details == {"offset": 0}


def test_record_that_a_process_placed_inside_another_ones_body_is_never_read() -> None:
    forged = encode(Record(kind=Kind.CALL, time=1.0, pid=0, seq=7))
    outer = bytearray(encode(Record(kind=Kind.CALL, time=1.0, pid=1, body=forged * 3)))
    assert reading(bytes(outer[:-1]))[0] == []
    outer[-1] ^= 1
    assert reading(bytes(outer) + encode(records([1])[0]))[0] == records([1])


def test_files_are_read_in_the_order_of_their_numbers_and_damage_ends_with_its_file(
    tmp_path: Path,
) -> None:
    first, second = records([1, 2])
    (tmp_path / "00000010.log").write_bytes(encode(second))
    (tmp_path / "00000009.log").write_bytes(encode(first) + b"\xff" * 50)
    damage: list[Damage] = []
    assert list(read(tmp_path, damage.append)) == [first, second]
    assert [(one.path.name, one.size, one.torn) for one in damage] == [("00000009.log", 50, False)]


def test_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "00000001.log").mkdir()
    with pytest.raises(InputOutputError, match="directory"):
        list(read(tmp_path))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of bytes of every look at a record."""
    sizes: list[int] = []

    class Counted(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            sizes.append(len(piece))
            return piece

    def checksum(body: bytes) -> int:
        sizes.append(len(body))
        return zlib.crc32(body)

    monkeypatch.setattr(module, "BytesIO", Counted)
    monkeypatch.setattr(module, "zlib", SimpleNamespace(crc32=checksum))
    return sizes


@pytest.mark.parametrize("bit", [8 * 4 - 1, 8 * 7])
def test_many_damaged_records_cost_a_piece_each_and_none_of_the_others(
    looked: list[int], tmp_path: Path, bit: int
) -> None:
    written = records([40] * 2000)
    parts = [bytearray(encode(one)) for one in written]
    for part in parts[::2]:
        part[bit // 8] ^= 1 << bit % 8  # the length, or the checksum
    (tmp_path / "00000001.log").write_bytes(content := b"".join(parts))
    looked.clear()
    damage: list[Damage] = []
    assert list(read(tmp_path, damage.append)) == written[1::2]
    assert [one.size for one in damage] == [len(part) for part in parts[::2]]
    assert sum(looked) <= 4 * len(content) + PIECE * len(damage)


def test_damage_that_hides_where_records_end_is_looked_into_some_times_the_file_and_no_more(
    looked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LEAST", 0)
    parts = [bytearray(encode(one)) for one in records([40] * 2000)]
    for part in parts:
        part[8] ^= 1  # the mark of a short array becomes that of one with millions of items
    (tmp_path / "00000001.log").write_bytes(content := b"".join(parts))
    looked.clear()
    damage: list[Damage] = []
    assert list(read(tmp_path, damage.append)) == []
    assert sum(one.size for one in damage) == len(content)
    # Of a look, what was read is also summed up.
    assert sum(looked) <= 2 * (LOOKS + 1) * len(content)
