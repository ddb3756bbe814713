"""The line between the kernel and its zygotes: one datagram for each message.

Interface:
    pair            both ends of a new line
    send, receive   a message, with descriptors beside it
"""

from __future__ import annotations

import array
import errno
import socket
from typing import Any

import msgpack

#: The longest message; arguments and environment have to fit. Twice what Linux gives a socket by
#: default holds one, and more is given to nobody without rights.
LIMIT = 384 * 1024
#: One for all messages: each has a buffer of its own.
_packer = msgpack.Packer()


def pair() -> tuple[socket.socket, socket.socket]:
    """Return a line's two ends, with room for the longest message."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, LIMIT)
    return ends


def send(sock: socket.socket, message: Any, *descriptors: int) -> None:
    """Send a message.

    Raises TypeError, ValueError or OverflowError for what cannot be packed, ConnectionError where
    the other end is gone, and OSError otherwise, also for a message that is too long.
    """
    data = _packer.pack(message)
    if len(data) > LIMIT:
        raise OSError(errno.EMSGSIZE, f"it takes {len(data)} bytes, and {LIMIT} fit")
    beside = []
    if descriptors:
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    sock.sendmsg([data], beside)


def receive(sock: socket.socket) -> tuple[Any, list[int]] | None:
    """Return the next message and its descriptors; None once the other end is gone."""
    try:
        data, beside, _, _ = sock.recvmsg(LIMIT, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return None
    descriptors = array.array("i")
    for level, kind, part in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(part[: len(part) - len(part) % descriptors.itemsize])
    if not data:
        return None
    return msgpack.unpackb(data), list(descriptors)
