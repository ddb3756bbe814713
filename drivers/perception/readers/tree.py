"""Values in values: JSON, JSON lines and TOML, as facts under the names of what they stand in.

Interface:
    read            JSON, JSON lines or TOML in any encoding
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from typing import Any

from ....syscalls.errors import InvalidArgument
from ....syscalls.perception import Place
from ..bounds import COLUMNS
from ..findings import Findings, sound
from .markdown import LONGEST
from .text import decoded

#: Levels that are taken apart; what lies deeper is shown as it is written.
_LEVELS = 12
#: Columns that a table of objects has because one of its first rows does.
_LOOKED_AT = 1000


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find facts, lists and tables. Raises `InvalidArgument` saying where it is damaged."""
    text = decoded(data)
    try:
        if media == "application/toml":
            _lay(tomllib.loads(text), "", 0, findings)
        elif media == "application/jsonl":
            _lines(text, findings)
        else:
            _lay(json.loads(text), "", 0, findings)
    except RecursionError:
        raise InvalidArgument("it is nested too deep") from None
    except ValueError as error:
        raise InvalidArgument(f"it is damaged: {error}") from None


def _lines(text: str, findings: Findings) -> None:
    values: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values.append(json.loads(line))
            except ValueError as error:
                raise InvalidArgument(f"line {number} is damaged: {error}") from None
    _lay(values, "", 0, findings)


def _lay(value: Any, section: str, level: int, findings: Findings) -> None:
    """Lay a value out."""
    place = Place(section=section[-LONGEST:] or None)
    if _flat(value) or level > _LEVELS:
        findings.text(_plain(value), place)
    elif isinstance(value, dict):
        flat = {key: one for key, one in value.items() if _flat(one)}
        findings.text("\n".join(f"{key}: {_plain(one)}" for key, one in flat.items()), place)
        for key, one in value.items():
            if key not in flat:
                _lay(one, _below(section, key), level + 1, findings)
    elif all(isinstance(one, dict) for one in value):
        _table(value, section, findings)
    elif all(map(_flat, value)):
        findings.text("\n".join(f"- {_plain(one)}" for one in value), place)
    elif all(isinstance(one, list) and all(map(_flat, one)) for one in value):
        width = min(max(map(len, value)), COLUMNS + 1)
        head = [f"column {number}" for number in range(1, width + 1)]
        rows = [[_plain(one) for one in row[:width]] for row in value]
        findings.table([head, *rows], Place(section=place.section, row=1))
    else:
        for number, one in enumerate(value, 1):
            _lay(one, _below(section, f"[{number}]"), level + 1, findings)


def _table(objects: list[dict[str, Any]], section: str, findings: Findings) -> None:
    names = list(_names(objects[:_LOOKED_AT]))
    names = names[: COLUMNS + 1]
    rows = [[_plain(one[name]) if name in one else "" for name in names] for one in objects]
    if names:
        findings.table([names, *rows], Place(section=section[-LONGEST:] or None, row=1))


def _names(objects: Iterable[dict[str, Any]]) -> dict[str, None]:
    return {name: None for one in objects for name in one}


def _flat(value: Any) -> bool:
    return not isinstance(value, (dict, list)) or not value


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _below(section: str, name: str) -> str:
    return f"{section} > {sound(name)}" if section else sound(name)
