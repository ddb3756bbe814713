"""A message arrives whole, once, with the descriptors that went beside it, or is refused."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from llmagentos.kernel.launcher.channel import LIMIT, pair, receive, send

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def line() -> Iterator[Pair]:
    ours, theirs = pair()
    with ours, theirs:
        yield ours, theirs


def test_messages_arrive_whole_and_in_order(line: Pair) -> None:
    ours, theirs = line
    messages = [{"pid": 1, "argv": None}, {"pid": 2, "text": "größe", "more": [1.5, True, b"\0"]}]
    for message in messages:
        send(ours, message)
    assert [receive(theirs) for _ in messages] == [(message, []) for message in messages]


def test_descriptor_arrives_beside_its_message_and_is_not_inherited_further(line: Pair) -> None:
    ours, theirs = line
    reads, writes = os.pipe()
    send(ours, {"pid": 1}, writes)
    os.close(writes)
    received = receive(theirs)
    assert received is not None and received[0] == {"pid": 1}
    (descriptor,) = received[1]
    assert not os.get_inheritable(descriptor)
    os.write(descriptor, b"through")
    os.close(descriptor)
    with open(reads, "rb") as pipe:
        assert pipe.read() == b"through"


def test_end_comes_after_what_was_sent(line: Pair) -> None:
    ours, theirs = line
    send(ours, {"kind": "exit"})
    ours.close()
    assert receive(theirs) == ({"kind": "exit"}, [])
    assert receive(theirs) is None
    with pytest.raises(BrokenPipeError):
        send(theirs, {"kind": "late"})


def test_full_channel_that_must_not_block_says_so(line: Pair) -> None:
    ours, theirs = line
    ours.setblocking(False)
    sent = 0
    with pytest.raises(BlockingIOError):
        while True:
            send(ours, {"number": sent})
            sent += 1
    assert sent and [receive(theirs) for _ in range(sent)][-1] == ({"number": sent - 1}, [])


def test_message_past_the_limit_is_refused_by_its_sender(line: Pair) -> None:
    ours, _ = line
    with pytest.raises(OSError) as refusal:
        send(ours, {"text": "x" * 64 * LIMIT})
    assert refusal.value.errno == errno.EMSGSIZE


def test_longest_message_fits_and_a_longer_one_does_not_however_much_the_socket_carries(
    line: Pair,
) -> None:
    ours, theirs = line
    longest = "x" * (LIMIT - 20)
    send(ours, {"text": longest})
    assert receive(theirs) == ({"text": longest}, [])
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * LIMIT)
    with pytest.raises(OSError):
        send(ours, {"text": "x" * LIMIT})


def test_value_that_no_message_carries_is_refused_and_nothing_is_sent(line: Pair) -> None:
    ours, theirs = line
    with pytest.raises((TypeError, ValueError)):
        send(ours, {"value": object()})
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        receive(theirs)
