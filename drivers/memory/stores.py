"""All that the memory driver keeps, in one file.

Interface:
    Stores          made of an open connection, on the thread that uses it; `close`
"""

from __future__ import annotations

import apsw

from .bookmarks import Bookmarks
from .grants import Grants
from .items import Items
from .minds import Minds
from .pieces import Pieces


class Stores:
    """Items, pieces, working memories and the rest, which share a connection."""

    def __init__(self, base: apsw.Connection) -> None:
        self.base = base
        self.items = Items(base)
        self.pieces = Pieces(base)
        self.minds = Minds(base)
        self.grants = Grants(base)
        self.bookmarks = Bookmarks(base)

    def close(self) -> None:
        """Let go of the file."""
        self.base.close()
