"""Watching one process's syscalls, for `aos run`.

Interface:
    watch           a channel of a process's calls, from now on
    shorten         a value cut down to what fits a line
"""

from __future__ import annotations

from typing import Any

from ...syscalls.process import Traced
from ..events import Channel
from ..process import ControlBlock
from ..shown import decoded

#: Characters of a text, and entries of a list or map, that are kept.
TEXT, ENTRIES = 2000, 64
#: Calls that wait for a slow reader; then the oldest is lost.
WAITING = 256


def watch(process: ControlBlock) -> Channel[Traced]:
    """Return a channel of the calls that a process makes from now on."""
    channel: Channel[Traced] = Channel(WAITING)

    def told(syscall: str, body: bytes, code: str, answer: bytes, seconds: float) -> None:
        result = decoded(answer)
        if code != "ok":
            result = result[0] if isinstance(result, list) and result else None
        traced = Traced(
            pid=process.pid,
            syscall=syscall,
            arguments=shorten(decoded(body)),
            outcome=code,
            result=shorten(result),
            seconds=seconds,
        )
        channel.put(traced, len(body) + len(answer))

    process.watcher = told
    return channel


def shorten(value: Any, depth: int = 6) -> Any:
    """Return a value of bounded size."""
    if isinstance(value, str) and len(value) > TEXT:
        return f"{value[:TEXT]}… ({len(value)} characters)"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, (list, dict)) and depth == 0:
        return "…"
    if isinstance(value, list):
        return [shorten(one, depth - 1) for one in value[:ENTRIES]]
    if isinstance(value, dict):
        entries = list(value.items())[:ENTRIES]
        return {str(key): shorten(one, depth - 1) for key, one in entries}
    return value
