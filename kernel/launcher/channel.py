"""The line between the kernel and its zygotes: one datagram for each message.

A zygote's memory is that of every process to come, also of other people's. So it does not read the
orders that it takes: the copy does, which each is for.

Interface:
    pair            both ends of a new line
    send, receive   a message, with descriptors beside it
    Slate           where a zygote keeps the order that it carries out, and no other
"""

from __future__ import annotations

import array
import errno
import socket
import struct
from typing import Any

import msgpack

#: The longest message; arguments and environment have to fit. Twice what Linux gives a socket by
#: default holds one, and more is given to nobody without rights.
LIMIT = 384 * 1024
#: The number of a process, before each message about it.
_NUMBER = struct.Struct("=q")
#: One for all messages: each has a buffer of its own.
_packer = msgpack.Packer()


def pair() -> tuple[socket.socket, socket.socket]:
    """Return a line's two ends, with room for the longest message."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, LIMIT)
    return ends


def send(sock: socket.socket, message: Any, *descriptors: int, number: int = 0) -> None:
    """Send a message; `number` is told to whoever has it without reading it.

    Raises TypeError, ValueError or OverflowError for what cannot be packed, ConnectionError where
    the other end is gone, and OSError otherwise, also for a message that is too long.
    """
    data = _packer.pack(message)
    if len(data) > LIMIT - _NUMBER.size:
        raise OSError(errno.EMSGSIZE, f"it takes {len(data)} bytes, and {LIMIT} fit")
    beside = []
    if descriptors:
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    sock.sendmsg([_NUMBER.pack(number), data], beside)


def receive(sock: socket.socket) -> tuple[Any, list[int]] | None:
    """Return the next message and its descriptors; None once the other end is gone."""
    slate = Slate()
    received = slate.receive(sock)
    return None if received is None else (slate.read(), received[1])


class Slate:
    """Holds one message at a time, and after `wipe` nothing of it."""

    def __init__(self) -> None:
        self._bytes = memoryview(bytearray(LIMIT))
        self._length = 0

    def receive(self, sock: socket.socket) -> tuple[int, list[int]] | None:
        """Take the next message; return its number and descriptors, None once the other end is
        gone."""
        try:
            self._length, beside, _, _ = sock.recvmsg_into(
                [self._bytes], socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError:
            return None
        descriptors = array.array("i")
        for level, kind, part in beside:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(part[: len(part) - len(part) % descriptors.itemsize])
        if not self._length:
            return None
        return _NUMBER.unpack_from(self._bytes)[0], list(descriptors)

    def read(self) -> Any:
        """Return the message."""
        return msgpack.unpackb(self._bytes[_NUMBER.size : self._length])

    def wipe(self) -> None:
        """Forget it."""
        self._bytes[: self._length] = bytes(self._length)
        self._length = 0
