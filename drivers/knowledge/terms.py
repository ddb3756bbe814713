"""Names of things, and values, as numbers of terms.

A name is kept as it was told. A name that nobody has told so is looked for without regard to case,
and with a space in place of `_`.

Interface:
    Value                       what an object of a fact may be
    checked_name, checked_value what can be told; they raise `InvalidArgument`
    checked_source              what a document can be called
    kind_of                     `thing`, `text`, `number` or `truth`
    enter, same                 the number of a term, which is made or has to stand
    named                       the numbers that a name may mean
    fold                        a text as names are compared
    value_of                    a stored term as a value
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from ...syscalls.errors import InvalidArgument
from .database import Database

Value = str | int | float | bool
#: Characters of a name and of a text, at most.
NAME, TEXT = 512, 8192
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def checked_name(name: str, what: str = "a name") -> str:
    """Return a name with its blanks made single ones, in Unicode's composed form."""
    clean = unicodedata.normalize("NFC", _SPACE.sub(" ", name).strip())
    if not 0 < len(clean) <= NAME:
        raise InvalidArgument(f"{what} has 1 to {NAME} characters, not {len(clean)}")
    if _CONTROL.search(clean):
        raise InvalidArgument(f"{what} holds control characters: {clean[:60]!r}")
    return _encodable(clean, what)


def checked_source(name: str) -> str:
    """Return a document's name as it is: a file is found under no other."""
    if not 0 < len(name.strip()) <= len(name) <= NAME:
        raise InvalidArgument(f"a source has 1 to {NAME} characters, not {len(name)}")
    if _CONTROL.search(name):
        raise InvalidArgument(f"a source holds control characters: {name[:60]!r}")
    return _encodable(name, "a source")


def checked_value(value: Value, what: str = "a value") -> Value:
    """Return a text, number or truth that can be stored."""
    if isinstance(value, str):
        if len(value) > TEXT:
            raise InvalidArgument(f"{what} has at most {TEXT} characters, not {len(value)}")
        return _encodable(value, what)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidArgument(f"{what} does not fit into 64 bits: {value}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"{what} is no finite number: {value}")
    return value


def kind_of(value: Value, thing: bool) -> str:
    """Return what kind of term a value is; a text is a thing's name or a value."""
    if isinstance(value, str):
        return "thing" if thing else "text"
    return "truth" if isinstance(value, bool) else "number"


def fold(text: str) -> str:
    """Return a text as it is looked for where it does not stand as it is written."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text).replace("_", " ")).strip().casefold()


def enter(base: Database, scope: int, kind: str, value: Value) -> int:
    """Return a term's number."""
    if found := same(base, scope, kind, value):
        return found[0]
    ((number,),) = base.rows(
        "INSERT INTO term (scope, kind, value, folded) VALUES (?, ?, ?, ?) RETURNING id",
        scope, kind, value, fold(value) if isinstance(value, str) else None,
    )  # fmt: skip
    return int(number)


def same(base: Database, scope: int, kind: str, value: Value) -> list[int]:
    """Return the number of a term, where it stands."""
    find = "SELECT id FROM term WHERE scope = ? AND kind = ? AND value = ?"
    return [number for (number,) in base.rows(find, scope, kind, value)]


def named(base: Database, scope: int, name: str, *kinds: str) -> list[int]:
    """Return the terms of these kinds that a name means: those written so, or else alike."""
    clean = unicodedata.normalize("NFC", _SPACE.sub(" ", name).strip())
    marks = ", ".join("?" * len(kinds))
    for column, text in (("value", name), ("value", clean), ("folded", fold(name))):
        found = base.rows(
            f"SELECT id FROM term WHERE scope = ? AND {column} = ? AND kind IN ({marks})",
            scope, _encodable(text, "a name"), *kinds,
        )  # fmt: skip
        if found:
            return [number for (number,) in found]
    return []


def value_of(kind: str, value: Any) -> Value:
    """Return a term's value."""
    return bool(value) if kind == "truth" else value


def _encodable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"half of a surrogate pair is no character of {what}") from None
    return text
