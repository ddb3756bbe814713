"""The prefix tree: what is found, and what is given up first."""

from __future__ import annotations

import torch

from llmagentos.drivers.inference.local.pager import Page, Pager, PageTable
from llmagentos.drivers.inference.local.prefix import Node, PrefixTree

SIZE = 2


class Texts:
    """Texts that are read and let go."""

    def __init__(self, pages: int = 10) -> None:
        self.pager = Pager(pages, SIZE, 4)
        self.tree = PrefixTree(self.pager)

    def read(self, text: str, principal: str = "a") -> PageTable:
        """Hold a text of full pages, its first ones from the tree."""
        tokens, table = [*map(ord, text)], PageTable()
        node = self.tree.root(principal)
        for one in self.tree.walk(node, tokens, 0, len(tokens)):
            self.pager.extend(table, [one.page])
            node = one
        old = len(table.held)
        assert self.pager.allocate(table, len(tokens))
        for at in range(old, len(table.held)):
            key = tuple(tokens[at * SIZE : at * SIZE + SIZE])
            node = self.tree.insert(node, key, table.held[at], None)
        return table

    def left(self, text: str, principal: str = "a") -> int:
        """Return how many pages of a text are in the tree, without touching them."""
        node, found = self.tree.root(principal), 0
        for at in range(0, len(text), SIZE):
            child = node.children.get((ord(text[at]), ord(text[at + 1])))
            if child is None:
                break
            node, found = child, found + 1
        return found


def test_what_is_read_is_found_as_far_as_it_is_the_same() -> None:
    texts = Texts()
    first = texts.read("abcdef")
    second = texts.read("abcdxy")
    assert second.pages[:2] == first.pages[:2] and second.pages[2] != first.pages[2]
    root = texts.tree.root("a")
    assert len(texts.tree.walk(root, [*b"abcdef"], 0, 5)) == 2
    assert len(texts.tree.walk(root, [*b"xbcdef"], 0, 6)) == 0
    assert len(texts.tree.walk(texts.tree.root("b"), [*b"abcdef"], 0, 6)) == 0


def test_a_walk_may_begin_anywhere() -> None:
    texts = Texts()
    texts.read("abcdef")
    node: Node = texts.tree.walk(texts.tree.root("a"), [*b"ab"], 0, 2)[-1]
    assert len(texts.tree.walk(node, [*b"abcdef"], 2, 6)) == 2


def test_what_nobody_holds_is_given_up_the_longest_unused_first() -> None:
    texts = Texts()
    for text in ("aabb", "ccdd", "eeff"):
        texts.pager.release(texts.read(text))
    texts.pager.release(texts.read("aabb"))  # of use again
    texts.tree.evict(frames=1)
    assert [texts.left(text) for text in ("aabb", "ccdd", "eeff")] == [2, 1, 2]
    texts.tree.evict(frames=2)
    assert [texts.left(text) for text in ("aabb", "ccdd", "eeff")] == [2, 0, 1]


def test_the_beginning_of_many_texts_stays_longest() -> None:
    texts = Texts()
    for text in ("aabb", "aacc", "aadd"):
        texts.pager.release(texts.read(text))
    texts.tree.evict(frames=3)
    assert texts.left("aa") == 1 and len(list(texts.tree.cached())) == 1


def test_what_somebody_holds_is_never_given_up() -> None:
    texts = Texts()
    held = texts.read("aabb")
    texts.pager.release(texts.read("aacc"))
    texts.tree.evict(frames=9)
    assert texts.left("aabb") == 2 and texts.left("aacc") == 1
    texts.pager.release(held)
    texts.tree.evict(frames=9)
    assert texts.pager.free == 10


def test_places_of_the_host_are_given_up_too() -> None:
    texts = Texts()
    table = texts.read("aabb")
    texts.pager.move_out(table.held)
    texts.pager.release(table)
    assert texts.pager.places == 2
    texts.tree.evict(places=1)
    assert texts.pager.places == 3 and texts.left("aabb") == 1


def test_a_page_that_was_known_already_stays_the_trees() -> None:
    tree = PrefixTree(Pager(4, SIZE))
    first, second = Page(0), Page(1)
    state = torch.ones(3)
    node = tree.insert(tree.root("a"), (1, 2), first, state)
    assert tree.insert(tree.root("a"), (1, 2), second, None) is node
    assert node.page is first and node.state is state
    assert (first.holders, first.cached, second.holders, second.cached) == (2, True, 1, False)
