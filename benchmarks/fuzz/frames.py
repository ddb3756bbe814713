"""Damaged frames over the control socket.

Many frames go over one connection as long as the kernel can go on reading; what ends a connection
comes last on it. A batch counts once the frame behind it, a sound one, is answered: by then the
kernel has taken all that stood before it. Of a connection that ended early only its last frame
counts.

Interface:
    Frames          `batch` makes one, `send` has it answered
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from llmagentos.syscalls.codec import Decoder, pack, pack_frame
from llmagentos.syscalls.errors import LLMAgentOSError
from llmagentos.syscalls.message import VERSION, Kind

from .mutation import bytewise, valuewise

#: Frames of a connection, and seconds until its answer is overdue.
BATCH, PATIENCE = 400, 20.0
LAST = 999_999_937
#: Sound calls whose like are made. None of them ends, starts or loads anything.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("clock.now", {}),
    ("clock.monotonic", {}),
    ("memory.get", {"key": "k"}),
    ("memory.put", {"key": "k", "value": [1, {"a": "b"}]}),
    ("memory.ls", {"prefix": "k"}),
    ("ipc.send", {"to": 1, "body": [1, 2]}),
    ("ipc.recv", {"timeout": 0.0}),
    ("ipc.publish", {"topic": "t", "body": {"a": 1}}),
    ("process.ls", {"all": False}),
    ("process.inspect", {"pid": 1}),
    ("process.history", {"pid": 1, "after": 0, "limit": 1}),
    ("process.renice", {"pid": 999_999, "nice": 3}),
    ("device.ls", {}),
    ("system.status", {}),
    ("system.effects", {"syscall": "x.y", "effects": {"a": True}}),
    ("tool.ls", {}),
    ("model.ls", {}),
    ("plan.ls", {"limit": 1}),
    ("approval.ls", {}),
    ("no.such", {"a": 1}),
)
#: Headers of what is no request; the numbers are calls.
OTHERS: tuple[list[Any], ...] = (
    [VERSION, Kind.REPLY, 7, {"tokens": 3}],
    [VERSION, Kind.ERROR, 7, "EIO", None],
    [VERSION, Kind.ITEM, 7],
    [VERSION, Kind.CREDIT, 7, 5],
    [VERSION, Kind.CANCEL, 7],
    [VERSION, Kind.SIGNAL, 7, "USAGE", {"tokens": 1.0}],
    [VERSION, Kind.SIGNAL, 7, "TAINT", "a page"],
    [VERSION, Kind.SIGNAL, 0, "PONG"],
)


class Frames:
    """Sends damaged frames to one kernel."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._source = Random(seed)
        #: Frames that the kernel has taken, and answers that did not come in time.
        self.taken = self.hung = 0
        #: What is answered by an error of the kernel's own, such as `EINTERNAL`.
        self.failed = 0

    def batch(self) -> tuple[bytes, int]:
        """Return a connection's bytes, and how many frames they are."""
        parts, count, last = [], 0, b""
        while count < BATCH and not last:
            made = self._frame()
            if _readable(made):
                parts.append(made)
                count += 1
            elif self._source.random() < 0.01:  # else most connections would end at once
                last = made
        parts.append(pack_frame((VERSION, Kind.REQUEST, LAST, "clock.now", 5.0, None, None)))
        return b"".join([*parts, last]), count + bool(last)

    def send(self) -> None:
        """Have a batch answered by the kernel."""
        data, count = self.batch()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect(str(self._path))
                answered = self._talk(sock, data)
            except TimeoutError:
                self.hung += 1
                return
        self.taken += count if answered else 1

    def _talk(self, sock: socket.socket, data: bytes) -> bool:
        """Send everything while reading what comes back; say whether the last call was answered."""
        sent, decoder, answered = memoryview(data), Decoder(), False
        try:
            while sent:
                sent = sent[sock.send(sent[:65536]) :]
                with suppress(BlockingIOError):
                    answered |= self._heard(decoder, sock.recv(262_144, socket.MSG_DONTWAIT))
            while not answered:
                if not (more := sock.recv(262_144)):
                    return False
                answered = self._heard(decoder, more)
        except (BrokenPipeError, ConnectionResetError):
            return answered
        return answered

    def _heard(self, decoder: Decoder, data: bytes) -> bool:
        """Take answers; say whether that of the last call is among them."""
        last = False
        for header, _ in decoder.feed(data):
            last |= header[2] == LAST
            self.failed += header[1] == Kind.ERROR and header[3] == "EINTERNAL"
        return last

    def _frame(self) -> bytes:
        source = self._source
        if source.random() < 0.7:
            name, arguments = source.choice(CALLS)
            number = source.choice((1, 7, source.randrange(1, 1000)))
            header: list[Any] = [VERSION, Kind.REQUEST, number, name, 1.0, None, None]
            body = arguments
        else:
            header, body = list(source.choice(OTHERS)), {"a": [1, "b"]}
        way = source.random()
        if way < 0.35:
            place = source.randrange(2, len(header))
            header[place] = valuewise(header[place], source)
        elif way < 0.65:
            body = valuewise(body, source)
        try:
            data = pack_frame(header, pack(body))
        except (LLMAgentOSError, ValueError, OverflowError):
            return self._frame()
        if way < 0.8:
            return data
        if way < 0.95:  # within the frame, whose length stays right
            head = int.from_bytes(data[4:6], "big")
            inner = bytewise(data[6:], source)
            return (len(inner) + 2).to_bytes(4, "big") + head.to_bytes(2, "big") + inner
        return bytewise(data, source)


def _readable(frame: bytes) -> bool:
    """Say whether a kernel would read on after a frame."""
    # What it announces must be what follows: else the next frame is read as a part of it.
    if int.from_bytes(frame[:4], "big") + 4 != len(frame):
        return False
    try:
        found = list(Decoder().feed(frame))
    except LLMAgentOSError:
        return False
    if len(found) != 1:
        return False
    header = found[0][0]
    if header[1] == Kind.REQUEST:
        return len(header) >= 7 and type(header[3]) is str
    if header[1] == Kind.CREDIT:
        return len(header) >= 4 and type(header[3]) is int and header[3] > 0
    return header[1] == Kind.CANCEL
