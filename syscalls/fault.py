"""A program's uncaught error, told by the program's own lines: those of the system that called it,
and that it called, are nothing to its author, and others whenever it is run in another way.

Interface:
    told            the traceback without them
"""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path

#: Where the lines stand that are left out.
_HOUSE = Path(__file__).resolve().parents[1]
_OURS = (f"{_HOUSE}/syscalls/", f"{_HOUSE}/kernel/", str(Path(asyncio.__file__).parent), "uvloop/")


def told(error: BaseException) -> str:
    """Return an error's traceback, with those that led to it."""
    whole = traceback.TracebackException.from_exception(error)
    _trim(whole)
    return "".join(whole.format())


def _trim(whole: traceback.TracebackException) -> None:
    kept = [one for one in whole.stack if not one.filename.startswith(_OURS)]
    whole.stack = traceback.StackSummary.from_list(kept)
    for other in (whole.__cause__, whole.__context__, *(whole.exceptions or ())):
        if other is not None:
            _trim(other)
