"""What a source of knowledge from another package looks like.

    def search(query: str, limit: int) -> list[Found]:
        return [Found(text="…", source="Atlas, page 12")]

    [project.entry-points."llmagentos.knowledge"]
    atlas = "my_package:search"

`knowledge.search` asks it beside the store's own index, in a thread of its own and within bounds.

Interface:
    Found           a passage that a source has
    Source          a function, or a class with a method `search`, which is made once
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that a source has."""

    text: str
    #: Where it stands, for people: a title, a page, a URL.
    source: str


class Source(Protocol):
    """Returns the passages that match a query best, the best first, at most `limit`."""

    def __call__(self, query: str, limit: int, /) -> Iterable[Found]: ...
