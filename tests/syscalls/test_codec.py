"""Frames survive any cutting of the stream, and what is no frame is refused by name."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.syscalls.codec import Decoder, pack, pack_frame, unpack
from llmagentos.syscalls.errors import InvalidArgument, LLMAgentOSError, ProtocolError, TooBig
from llmagentos.syscalls.message import MAX_FRAME, VERSION, Kind

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.tuples(st.sampled_from(list(Kind)), st.integers(0, 2**40), st.text(max_size=40))


def frame_of(header: Any, body: bytes = b"") -> bytes:
    head = msgpack.packb(header)
    return struct.pack("!IH", 2 + len(head) + len(body), len(head)) + head + body


@given(VALUES)
def test_body_comes_back_as_it_was(value: Any) -> None:
    assert unpack(pack(value)) == value


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=5), st.integers(1, 60))
def test_frames_survive_any_cutting_of_the_stream(
    messages: list[tuple[tuple[Kind, int, str], bytes]], step: int
) -> None:
    stream = b"".join(pack_frame((VERSION, *header), body) for header, body in messages)
    decoder, found = Decoder(), []
    for start in range(0, len(stream), step):
        found += list(decoder.feed(stream[start : start + step]))
    assert found == [([VERSION, *header], body) for header, body in messages]


@given(st.binary(max_size=400))
def test_noise_ends_in_a_typed_error_or_waits_for_more(noise: bytes) -> None:
    try:
        list(Decoder().feed(noise))
    except LLMAgentOSError as error:
        assert isinstance(error, (ProtocolError, TooBig))


def test_oversized_announcement_is_refused_before_its_body_arrives() -> None:
    with pytest.raises(TooBig, match=str(MAX_FRAME)):
        list(Decoder().feed(struct.pack("!IH", MAX_FRAME + 1, 3)))


def test_oversized_message_is_not_sent() -> None:
    with pytest.raises(TooBig):
        pack_frame((VERSION, Kind.REPLY, 1, None), bytes(MAX_FRAME))


@pytest.mark.parametrize(
    "header",
    [
        [VERSION + 1, 0, 1],
        [VERSION, 99, 1],
        [VERSION, True, 1],
        [VERSION, 0, "one"],
        [VERSION, 0],
        {"kind": 0},
        None,
    ],
)
def test_header_of_another_shape_is_refused(header: Any) -> None:
    with pytest.raises(ProtocolError):
        list(Decoder().feed(frame_of(header)))


def test_header_fields_of_a_newer_peer_are_kept_out_of_the_way() -> None:
    header = [VERSION, int(Kind.CANCEL), 7, "new", "newer"]
    assert list(Decoder().feed(frame_of(header))) == [(header, b"")]


def test_frames_before_a_broken_one_are_still_delivered() -> None:
    good = pack_frame((VERSION, Kind.CANCEL, 7))
    frames = Decoder().feed(good + frame_of([VERSION + 1, 0, 1]))
    assert next(frames)[0][2] == 7
    with pytest.raises(ProtocolError):
        next(frames)


@pytest.mark.parametrize("value", [object(), 2**70, {"key": object()}])
def test_value_that_no_message_carries_is_an_invalid_argument(value: Any) -> None:
    with pytest.raises(InvalidArgument):
        pack(value)


@pytest.mark.parametrize("body", [b"\xc1", b"\x81\x91\x01\x02", b"\x93\x01", b"\x80\x80"])
def test_body_that_is_no_msgpack_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack(body)


@given(st.binary(max_size=200))
def test_any_body_is_a_value_or_a_typed_error(body: bytes) -> None:
    try:
        unpack(body)
    except LLMAgentOSError as error:
        assert isinstance(error, ProtocolError)
