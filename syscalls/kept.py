"""Listening sockets that outlive the kernel, from whoever keeps it running.

Interface:
    kept            a socket on a port, or None where nobody keeps sockets
"""

from __future__ import annotations

import os
import socket

from .errors import InputOutputError

#: Where to ask, for whatever the kernel has started with its own environment.
KEEPER = "LLMAGENTOS_KEEPER"
#: Seconds until an answer has to be there.
PATIENCE = 5.0


def kept(address: str, port: int) -> socket.socket | None:
    """Return a socket that listens on a port, 0 for any: the same one for every kernel's service.

    Raises `InputOutputError` where the port cannot be bound.
    """
    path = os.environ.get(KEEPER)
    if path is None:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PATIENCE)
        try:
            asking.connect(path)
            asking.send(f"{address} {port}".encode())
            said, descriptors, _, _ = socket.recv_fds(asking, 256, 1)
        except OSError:  # It has died; a socket of one's own does as well.
            return None
    if not descriptors:
        raise InputOutputError(f"{address}:{port} cannot be bound: {said.decode()}")
    return socket.socket(fileno=descriptors[0])
