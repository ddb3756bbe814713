"""What pydantic finds wrong, in the words of our errors.

Interface:
    reason          the first thing that is wrong: `place: what is expected there`
    reasons         all that is wrong, in one line, or the first of it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

#: Things that are told of at once: a long list may be wrong in each of its places.
MOST = 10


def reason(error: ValidationError, *within: str) -> str:
    """Return the first thing that is wrong. `within` is where the value that was checked stands in
    what its writer sees; of a whole value that is wrong and stands nowhere there is no place."""
    return _told(_found(error)[0], within)


def reasons(error: ValidationError) -> str:
    """Return all that is wrong, each with its place; of much, the first and how much more."""
    found = _found(error)
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(_told(one, ()) for one in found[:MOST]) + more


def _found(error: ValidationError) -> list[Any]:
    # The value itself may be long, or a secret.
    return list(error.errors(include_url=False, include_context=False, include_input=False))


def _told(one: Mapping[str, Any], within: tuple[str, ...]) -> str:
    place = ".".join(map(str, (*within, *one["loc"])))
    said = one["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
