"""Reading a log while it grows.

Interface:
    read_log        its lines, and with an `exited` event those to come until it is set
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from ...syscalls.errors import InputOutputError, InvalidArgument

#: Seconds between two looks at a log that has not grown.
INTERVAL = 0.05
#: Bytes that are read at once, and bytes of a line before it is cut.
CHUNK = 64 * 1024


async def read_log(
    path: Path, tail: int | None, exited: asyncio.Event | None
) -> AsyncIterator[str]:
    """Yield a log's lines, the last `tail` of them or all, following until the process ends.

    Everybody else has a turn after every chunk, however long the log is.
    """
    if tail is not None and tail < 0:
        raise InvalidArgument(f"the last {tail} lines are none")
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputOutputError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        if tail is not None:
            file.seek(await _last_lines(file, tail))
        rest = b""
        while True:
            over = exited is None or exited.is_set()
            while chunk := file.read(CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > CHUNK:
                    whole, rest = [*whole, rest], b""
                for line in whole:
                    yield _text(line)
                await asyncio.sleep(0)
            if over:
                break
            await _pause(exited)
        if rest:
            yield _text(rest)


async def _last_lines(file: BinaryIO, count: int) -> int:
    """Return where the last `count` lines begin, looking from the end backwards.

    What stands without an end of its line counts as one. No line counts as longer than a chunk, so
    that a log of a single endless one is not read as a whole.
    """
    at = end = file.seek(0, os.SEEK_END)
    earliest = max(end - count * (CHUNK + 1), 0)
    missing = count  # line ends to find, the one before the first line among them
    while at > earliest:
        start = max(at - CHUNK, earliest)
        file.seek(start)
        chunk = file.read(at - start)
        if at == end and chunk.endswith(b"\n"):
            missing += 1
        if (found := chunk.count(b"\n")) >= missing:
            return start + len(chunk.rsplit(b"\n", missing)[0]) + 1
        missing -= found
        at = start
        await asyncio.sleep(0)
    return earliest


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
