"""The line between the kernel and its zygotes: one datagram for each message.

Interface:
    pack, unpack    a message, with descriptors beside it
    send, receive   on a SOCK_SEQPACKET socket
"""

from __future__ import annotations

import array
import socket
from typing import Any

import msgpack

#: The longest message; arguments and environment have to fit.
LIMIT = 512 * 1024


def send(sock: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    """Send a message. Raises OSError, also for one that is too long."""
    data = msgpack.packb(message)
    beside = []
    if descriptors:
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    sock.sendmsg([data], beside)


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next message and its descriptors; None at the end."""
    data, beside, _, _ = sock.recvmsg(LIMIT, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, part in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(part[: len(part) - len(part) % descriptors.itemsize])
    if not data:
        return None
    return msgpack.unpackb(data), list(descriptors)
