"""What earlier texts have left in pages, to be read again instead of computed again.

A tree for each principal, for who shares could tell from the time that a prompt takes what others
have said. Each node stands for a full page of tokens behind those of its parent (a radix tree over
pages; SGLang's RadixAttention, Zheng et al. 2024, section 3).

Interface:
    Node            a full page, and what convolutions keep at its end
    PrefixTree      `root`, `walk`, `insert`, `evict`
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from torch import Tensor

from .pager import Page, Pager

#: The tokens of a full page.
Key = tuple[int, ...]


@dataclass(slots=True, eq=False)
class Node:
    """A full page behind that of its parent; a root stands for a text of no tokens."""

    page: Page
    parent: Node | None = None
    key: Key = ()
    #: What convolutions keep at the page's end; None where there are none.
    state: Tensor | None = None
    children: dict[Key, Node] = field(default_factory=dict)
    #: When it was last of use; of what nobody holds, never later than its parent.
    used: int = 0


class PrefixTree:
    """Holds the pages of its nodes. A context that holds a node's page holds its parents' too."""

    def __init__(self, pager: Pager) -> None:
        self._pager = pager
        self._roots: dict[str, Node] = {}
        self._leaves: set[Node] = set()
        self._ticks = count(1)

    def root(self, principal: str) -> Node:
        """Return the node from which a principal's texts begin."""
        root = self._roots.get(principal)
        if root is None:
            root = self._roots[principal] = Node(Page())
        return root

    def walk(self, node: Node, tokens: Sequence[int], start: int, stop: int) -> list[Node]:
        """Return the nodes that follow for the tokens from `start`, which stands at the node's end,
        as far as they end before or at `stop`."""
        size, found = self._pager.size, []
        while start + size <= stop:
            child = node.children.get(tuple(tokens[start : start + size]))
            if child is None:
                break
            found.append(child)
            node, start = child, start + size
        self.touch(node)
        return found

    def insert(self, parent: Node, key: Key, page: Page, state: Tensor | None) -> Node:
        """Return the node of a page that has been filled, an old one where there is one already."""
        node = parent.children.get(key)
        if node is None:
            self._pager.cache(page)
            node = parent.children[key] = Node(page, parent, key, state)
            self._leaves.add(node)
            self._leaves.discard(parent)
        node.used = next(self._ticks)
        return node

    def evict(self, frames: int = 0, places: int = 0) -> None:
        """Give up pages that nobody else holds, the longest unused first, until so many frames and
        places are free in addition or no more can be given up."""
        frames += self._pager.free
        places += self._pager.places
        ready = [(one.used, id(one), one) for one in self._leaves if one.page.holders == 1]
        heapq.heapify(ready)
        while ready and (self._pager.free < frames or self._pager.places < places):
            node = heapq.heappop(ready)[2]
            parent = self._remove(node)
            if parent in self._leaves and parent.page.holders == 1:
                heapq.heappush(ready, (parent.used, id(parent), parent))

    def touch(self, node: Node | None) -> None:
        """Note that a node and those before it are of use."""
        now = next(self._ticks)
        while node is not None:
            node.used = now
            node = node.parent

    def cached(self) -> Iterator[Page]:
        """Yield the pages that nobody else holds."""
        nodes = list(self._roots.values())
        while nodes:
            node = nodes.pop()
            nodes += node.children.values()
            if node.parent is not None and node.page.holders == 1:
                yield node.page

    def _remove(self, node: Node) -> Node:
        """Take a leaf out; returns its parent, which may be one now."""
        parent = node.parent
        assert parent is not None and not node.children
        del parent.children[node.key]
        self._leaves.remove(node)
        node.page.cached = False
        self._pager.drop(node.page)
        if not parent.children and parent.parent is not None:
            self._leaves.add(parent)
        return parent
