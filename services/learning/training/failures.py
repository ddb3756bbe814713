"""How the machine fails a job, told apart: no memory, no room on the disk, a defect.

Interface:
    writing         turns what fails while files are written into `InputOutputError`
    whole           removes a folder that was not written to its end
    memory          turns what fails for want of memory into `QuotaExceeded`
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ....syscalls.errors import InputOutputError, LLMAgentOSError, QuotaExceeded

#: What torch says in a plain `RuntimeError`, in lower case.
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "bad_alloc")
#: What torch and safetensors say of a file that cannot be written.
_NO_WRITE = ("pytorchstreamwriter", "inline_container", "i/o error", "no space left",
             "file too large")  # fmt: skip


@contextmanager
def writing(what: str, kept: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Raise `InputOutputError` for what fails while `what` is written; `kept` says what is left."""
    try:
        yield
    except LLMAgentOSError:
        raise
    except OSError as error:
        raise InputOutputError(_say(f"{what}: {error.strerror or error}", kept())) from error
    except Exception as error:
        # Libraries in other languages raise errors of their own.
        text = str(error).lower()
        if not any(one in text for one in _NO_WRITE):
            raise
        reason = "No space left on device" if "no space" in text else "cannot be written"
        raise InputOutputError(_say(f"{what}: {reason}", kept())) from error


@contextmanager
def whole(folder: Path) -> Iterator[None]:
    """Remove a folder where it could not be written to its end, and give its room back at once: the
    error itself may hold its files open, and its reason is to be noted on the same disk."""
    try:
        yield
    except BaseException:
        for path in folder.rglob("*"):
            if path.is_file():
                with suppress(OSError):
                    os.truncate(path, 0)
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def memory(what: str, kept: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Raise `QuotaExceeded` where memory is short for `what`."""
    try:
        yield
    except MemoryError as error:
        raise QuotaExceeded(_say(f"out of memory {what}", kept())) from error
    except RuntimeError as error:
        if not any(one in str(error).lower() for one in _NO_MEMORY):
            raise
        raise QuotaExceeded(_say(f"out of memory {what}", kept())) from error


def _say(message: str, kept: str) -> str:
    return f"{message}; {kept}" if kept else message
