"""KV cache as virtual memory: pages, page tables, reference counts.

Interface:
    Pager           the pool; `allocate`, `share`, `release`
    PageTable       one context's pages and how much of them is written
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class PageTable:
    """One context's pages, in the order of its tokens. The pager alone writes `pages`."""

    pages: list[int] = field(default_factory=list)
    #: Tokens whose keys and values are written.
    length: int = 0


class Pager:
    """A pool of pages. A page that several contexts share is freed by the last of them."""

    def __init__(self, pages: int, size: int) -> None:
        #: Tokens of a page.
        self.size = size
        self._count = pages
        self._free = list(range(pages - 1, -1, -1))
        self._references = [0] * pages

    @property
    def free(self) -> int:
        """How many pages are free."""
        return len(self._free)

    @property
    def capacity(self) -> int:
        """How many tokens the whole pool holds."""
        return self._count * self.size

    def needed(self, tokens: int) -> int:
        """Return how many pages so many tokens take."""
        return -(-tokens // self.size)

    def allocate(self, table: PageTable, tokens: int) -> bool:
        """Give a context room for `tokens` in total; False, and nothing, where there is none."""
        wanted = self.needed(tokens) - len(table.pages)
        if wanted > len(self._free):
            return False
        for _ in range(wanted):
            page = self._free.pop()
            self._references[page] = 1
            table.pages.append(page)
        return True

    def share(self, table: PageTable, pages: int) -> PageTable:
        """Return a table over the first pages of another; they must be full to be shared."""
        shared = table.pages[:pages]
        for page in shared:
            self._references[page] += 1
        return PageTable(shared, pages * self.size)

    def release(self, table: PageTable) -> list[int]:
        """Let go of all pages of a context; returns those that are free now."""
        freed = []
        for page in table.pages:
            self._references[page] -= 1
            if not self._references[page]:
                freed.append(page)
        self._free += freed
        table.pages.clear()
        table.length = 0
        return freed
