"""Reading a log while it grows.

Interface:
    read_log        its lines, and with an `exited` event those to come until it is set
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from ...syscalls.errors import InputOutputError

#: Seconds between two looks at a log that has not grown.
INTERVAL = 0.05
#: Bytes that are read at once, and characters of a line before it is cut.
CHUNK = 64 * 1024


async def read_log(
    path: Path, tail: int | None, exited: asyncio.Event | None
) -> AsyncIterator[str]:
    """Yield a log's lines, the last `tail` of them or all, following until the process ends."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputOutputError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        rest = b""
        lines: deque[str] = deque(maxlen=tail)
        live = False
        while True:
            over = exited is None or exited.is_set()
            while chunk := file.read(CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > CHUNK:
                    whole, rest = [*whole, rest], b""
                for line in map(_text, whole):
                    if live or tail is None:
                        yield line
                    else:
                        lines.append(line)
            while lines:
                yield lines.popleft()
            live = True
            if over:
                break
            await _pause(exited)
        if rest and tail != 0:
            yield _text(rest)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


async def _pause(exited: asyncio.Event | None) -> None:
    if exited is None:
        return
    try:
        async with asyncio.timeout(INTERVAL):
            await exited.wait()
    except TimeoutError:
        return
