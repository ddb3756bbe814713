"""KV cache as virtual memory: pages, page tables, reference counts.

A page is what some tokens of a text have left in all layers of a model. It lies in a frame of the
device's memory, in a place of the host's, or in neither before it is first written. A page that
several hold is never written to: whoever writes gets one of its own (copy on write).

Interface:
    Page            one page and who holds it
    PageTable       one context's pages and how much of them is written
    Pager           frames and places; `allocate`, `fork`, `own`, `release`, `wire`, `move_out` …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: Where a page does not lie.
NOWHERE = -1
#: Where pages came from and where they go: frames to places, places to frames, frames to frames.
Moves = tuple[list[int], list[int]]


@dataclass(slots=True, eq=False)
class Page:
    """One page; the pager alone writes it."""

    frame: int = NOWHERE
    #: In host memory, while it has no frame.
    place: int = NOWHERE
    #: Page tables and nodes of the prefix tree that hold it; without any it is free.
    holders: int = 1
    #: Of these, tables of contexts that run: it keeps its frame.
    wires: int = 0
    #: Whether the prefix tree is among them.
    cached: bool = False


@dataclass(slots=True)
class PageTable:
    """One context's pages, in the order of its tokens. The pager alone writes them."""

    #: The pages' frames, as a model's layers need them; right while all lie in the device.
    pages: list[int] = field(default_factory=list)
    #: Tokens whose keys and values are written.
    length: int = 0
    held: list[Page] = field(default_factory=list)
    #: Whether its context runs.
    wired: bool = False


class Pager:
    """Says what lies where; others move the bytes. Not safe for threads."""

    def __init__(self, pages: int, size: int, places: int = 0) -> None:
        #: Tokens of a page.
        self.size = size
        #: Frames in all.
        self.count = pages
        self._frames = list(range(pages - 1, -1, -1))
        self._places = list(range(places - 1, -1, -1))
        self._hosted = places

    @property
    def free(self) -> int:
        """How many frames are free."""
        return len(self._frames)

    @property
    def places(self) -> int:
        """How many places of the host are free."""
        return len(self._places)

    @property
    def swapped(self) -> int:
        """How many pages lie in the host."""
        return self._hosted - len(self._places)

    @property
    def capacity(self) -> int:
        """How many tokens the device holds."""
        return self.count * self.size

    def needed(self, tokens: int) -> int:
        """Return how many pages so many tokens take."""
        return -(-tokens // self.size)

    def allocate(self, table: PageTable, tokens: int) -> bool:
        """Give a context room for `tokens` in total; False, and nothing, where there is none."""
        wanted = self.needed(tokens) - len(table.held)
        if wanted > len(self._frames):
            return False
        for _ in range(wanted):
            page = Page(self._frames.pop(), wires=int(table.wired))
            table.held.append(page)
            table.pages.append(page.frame)
        return True

    def extend(self, table: PageTable, pages: Sequence[Page]) -> None:
        """Let a context hold full pages that others have written, behind those that it has."""
        for page in pages:
            page.holders += 1
            page.wires += table.wired
            table.pages.append(page.frame)
        table.held += pages
        table.length = len(table.held) * self.size

    def fork(self, table: PageTable) -> PageTable:
        """Return a table over the same pages, the last and partly filled one included."""
        for page in table.held:
            page.holders += 1
        return PageTable(table.pages.copy(), table.length, table.held.copy())

    def shares(self, table: PageTable) -> bool:
        """Return whether the page into which a context's next token goes is held by others too."""
        at = table.length // self.size
        return at < len(table.held) and table.held[at].holders > 1

    def own(self, table: PageTable) -> Moves | None:
        """Make the page into which the next token goes the context's own, in a free frame.

        Returns what is to be copied, None where nothing is. Raises `IndexError` where no frame is
        free.
        """
        if not self.shares(table):
            return None
        at = table.length // self.size
        old, frame = table.held[at], self._frames.pop()
        table.held[at] = Page(frame, wires=int(table.wired))
        table.pages[at] = frame
        old.wires -= table.wired
        self.drop(old)
        return [old.frame], [frame]

    def cache(self, page: Page) -> None:
        """Let the prefix tree hold a page."""
        page.holders += 1
        page.cached = True

    def drop(self, page: Page) -> bool:
        """Let one less hold a page; returns whether it is free now."""
        page.holders -= 1
        if page.holders:
            return False
        if page.frame != NOWHERE:
            self._frames.append(page.frame)
        if page.place != NOWHERE:
            self._places.append(page.place)
        return True

    def cut(self, table: PageTable, pages: int) -> list[int]:
        """Let go of all pages of a context but its first ones; returns the frames that are free
        now."""
        freed = []
        for page in table.held[pages:]:
            page.wires -= table.wired
            if self.drop(page) and page.frame != NOWHERE:
                freed.append(page.frame)
        del table.held[pages:], table.pages[pages:]
        table.length = min(table.length, pages * self.size)
        return freed

    def release(self, table: PageTable) -> list[int]:
        """Let go of all pages of a context; returns the frames that are free now."""
        return self.cut(table, 0)

    def merge(self, table: PageTable, at: int, twin: Page) -> None:
        """Let a context hold `twin` in place of its own page `at`, which holds the same tokens.

        A twin in the host comes into the device: it takes over the frame.
        """
        own = table.held[at]
        if twin.frame == NOWHERE:
            twin.frame, own.frame = own.frame, NOWHERE
            self._places.append(twin.place)
            twin.place = NOWHERE
        twin.holders += 1
        twin.wires += table.wired
        own.wires -= table.wired
        self.drop(own)
        table.held[at], table.pages[at] = twin, twin.frame

    def wire(self, table: PageTable) -> None:
        """Keep those of a context's pages that have frames in the device, and all that get some."""
        for page in table.held:
            page.wires += 1
        table.wired = True

    def unwire(self, table: PageTable) -> None:
        """Let a context's pages be moved."""
        for page in table.held:
            page.wires -= 1
        table.wired = False

    def move_out(self, pages: Sequence[Page]) -> Moves:
        """Give pages places in the host for their frames; returns frames and places."""
        frames = [page.frame for page in pages]
        for page in pages:
            page.frame, page.place = NOWHERE, self._places.pop()
        self._frames += reversed(frames)  # the next pages lie one after another again
        return frames, [page.place for page in pages]

    def missing(self, table: PageTable) -> int:
        """Return how many of a context's pages have no frame."""
        return sum(page.frame == NOWHERE for page in table.held)

    def move_in(self, table: PageTable) -> Moves:
        """Give frames to those of a context's pages that have none; returns places and frames."""
        pages = [page for page in table.held if page.frame == NOWHERE]
        places = [page.place for page in pages]
        for page in pages:
            page.frame, page.place = self._frames.pop(), NOWHERE
        self._places += reversed(places)
        table.pages[:] = [page.frame for page in table.held]
        return places, [page.frame for page in pages]
