"""The deadline that a request asks for.

Interface:
    deadline_of     seconds, or None for the syscall's own
"""

from __future__ import annotations

from fastapi import Request

from ...syscalls.errors import InvalidArgument


def deadline_of(request: Request) -> float | None:
    """Return a request's `X-Deadline-Seconds` or `deadline`. Raises `InvalidArgument`."""
    text = request.headers.get("x-deadline-seconds") or request.query_params.get("deadline")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise InvalidArgument(f"a deadline is 0 to 86400 seconds, not {text[:100]!r}")
    return seconds
