"""What a person is told when a command fails.

Interface:
    NoDaemon        nobody answers, or the daemon does not start
    explain         prints one line; returns the exit code
"""

from __future__ import annotations

import os
import sys

from ...syscalls.errors import DeadlineExceeded, LLMAgentOSError

_HINTS = {
    "EDEVICE": "see how drivers are with: aos service",
    "ENOSYS": "see what there is with: aos syscalls",
}


class NoDaemon(Exception):
    """The daemon does not answer."""


def explain(error: BaseException) -> int:
    """Print what went wrong on stderr and return the exit code that stands for it."""
    if isinstance(error, BaseExceptionGroup):
        return explain(error.exceptions[0])
    if os.environ.get("AOS_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, NoDaemon):
        print(f"aos: {error}", file=sys.stderr)
        return 125
    if isinstance(error, LLMAgentOSError):
        hint = _HINTS.get(error.code)
        print(f"aos: {error}" + (f" ({hint})" if hint else ""), file=sys.stderr)
        return 124 if isinstance(error, DeadlineExceeded) else 1
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        print(f"aos: {where}{error.strerror}", file=sys.stderr)
        return 1
    print(f"aos: {type(error).__name__}: {error} (AOS_DEBUG=1 shows where)", file=sys.stderr)
    return 1
