"""A piece of memory that is to be written.

Interface:
    Draft           what is known of it
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...syscalls.memory import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A piece that is to be written."""

    text: str
    tier: Tier = "semantic"
    importance: float = 0.5
    source: str
    untrusted: bool = False
    #: The episodes that it was learned from.
    episodes: list[int] = field(default_factory=list)
    #: The piece that its writer has recalled it from.
    echo: int | None = None
    #: How often it has happened, and when it last did; None for now.
    times: int = 1
    at: float | None = None
