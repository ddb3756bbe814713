"""Lines of JSON, checked one by one.

Interface:
    Row         the base of what a line may be; keys that nobody asked for are passed over
    rows        the lines of some files; raises `InvalidArgument` that names file and line
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ....syscalls.errors import InvalidArgument

#: Bytes of a line.
LONGEST = 4_000_000

R = TypeVar("R", bound="Row")


class Row(BaseModel):
    """A line."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def rows(
    folder: Path, names: Sequence[str], kind: type[R], renamed: Mapping[str, str] | None = None
) -> list[R]:
    """Return the lines of files below a folder, blank ones left out. `renamed`: the key in the
    file of a field of `kind`.

    Raises `InvalidArgument` for a file that is not there, holds no line, or holds one that is no
    JSON or not of that kind.
    """
    found: list[R] = []
    for name in names:
        before = len(found)
        for number, line in enumerate(_lines(folder, name), 1):
            if line.strip():
                found.append(_row(line, kind, renamed or {}, f"{name}:{number}"))
        if len(found) == before:
            raise InvalidArgument(f"{name} holds no line")
    return found


def _lines(folder: Path, name: str) -> Any:
    path = folder / name
    if not name or not path.is_relative_to(folder) or ".." in Path(name).parts:
        raise InvalidArgument(f"data: {name!r} leads out of the folder")
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST + 1):
                if len(line) > LONGEST:
                    raise InvalidArgument(f"{name} has a line of more than {LONGEST} bytes")
                yield line
    except OSError as error:
        raise InvalidArgument(f"data: {name} cannot be read: {error.strerror}") from error


def _row(line: bytes, kind: type[R], renamed: Mapping[str, str], where: str) -> R:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{where}: no JSON in UTF-8: {error}") from error
    if not isinstance(said, dict):
        raise InvalidArgument(f"{where}: an object is wanted, not {type(said).__name__}")
    try:
        return kind.model_validate(
            said | {field: said[key] for field, key in renamed.items() if key in said}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(renamed.get(str(one), str(one)) for one in first["loc"])
        raise InvalidArgument(f"{where}: {key + ': ' if key else ''}{first['msg']}") from None
