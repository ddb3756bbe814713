"""Functions of people's own: `FILE.py:function`, beside a job's file.

Interface:
    function        loads one; raises `InvalidArgument`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ...syscalls.errors import InvalidArgument


def function(what: str, name: str, folder: Path) -> Callable[..., Any]:
    """Return the function `FILE.py:function`; the file's path starts at `folder`.

    Raises `InvalidArgument`, which calls it `what`, for a file that is not there or fails, and for
    one without that function.
    """
    file, _, wanted = name.rpartition(":")
    if not file.endswith(".py"):
        raise InvalidArgument(f"the {what} {name!r} is no FILE.py:function")
    path = folder / file
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except OSError as error:
        raise InvalidArgument(f"the {what} {file}: {error.strerror}") from None
    except Exception as error:  # a stranger's program may fail in any way
        raise InvalidArgument(f"the {what} {file}: {type(error).__name__}: {error}") from error
    found = getattr(module, wanted, None)
    if not callable(found):
        raise InvalidArgument(f"the {what} {file} has no function {wanted!r}")
    return found  # type: ignore[no-any-return]
