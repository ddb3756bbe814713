"""A part of the configuration in which a misspelt name is told from those that there are.

Interface:
    Section         a model of settings that takes no other names than its own
    unknown         what is said of a name that nobody knows
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Settings under names of their own; pydantic alone would not say which those are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                raise ValueError(unknown(name, cls.model_fields))
        return given


def unknown(name: object, known: Iterable[str]) -> str:
    """Return what is said of a name that is none of those that are known."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    meant = f", perhaps {near[0]} is meant" if near else ""
    return f"there is no setting {str(name)[:100]!r}{meant}; there is {', '.join(names) or 'none'}"
