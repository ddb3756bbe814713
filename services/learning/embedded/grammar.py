"""A small language for phrasings: choices, rules and slots.

`[please|]` is a choice, `<put>` a rule, `{key}` a slot that stays in the expansion.
A production can be drawn from at random, and can say whether words belong to it, which is how
tests prove that a phrasing is *not* in the language.

Interface:
    Grammar.expand      one random sentence, slots kept
    Grammar.ends        where sentences end within given words
    skeleton            words without slots' names, capitals and punctuation
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeAlias

__all__ = ["Grammar", "Memory", "skeleton"]

#: a text, or a choice between sequences
Node: TypeAlias = "str | tuple[tuple[Node, ...], ...]"
#: where a node that begins at a place may end
Memory: TypeAlias = dict[tuple[int, int], frozenset[int]]

_TOKEN = re.compile(r"[\[\]|]|<\w+>|[^\[\]|<]+")
_SLOT = re.compile(r"\{\w+\}")
_WORD = re.compile(r"\w+|#")


def skeleton(template: str) -> str:
    """The words of a template, one space after each, every slot written as `#`."""
    text = _SLOT.sub(" # ", template).replace("'", "").replace("\u2019", "").lower()
    return "".join(f"{word} " for word in _WORD.findall(text))


class Grammar:
    """Named rules; every method takes a production that may use them."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._parsed = cache(self._parse)
        # equal parts of many productions are one object, so that `ends` meets each of them once
        self._same = cache(lambda node: node)
        self._words = cache(lambda text: tuple(skeleton(text).split()))

    def expand(self, production: str, rng: random.Random) -> str:
        """One random sentence of the production, with single spaces."""
        text = "".join(self._draw(node, rng) for node in self._parsed(production))
        return re.sub(r" +([,.?!])", r"\1", " ".join(text.split()))

    def ends(
        self,
        production: str,
        words: tuple[str, ...],
        starts: Iterable[int],
        memory: Memory,
    ) -> set[int]:
        """Where a sentence of the production may end in a skeleton's words, by where it begins.

        Word boundaries of the production must coincide with those of its choices. `memory` is an
        empty dictionary at first, and the same one for all questions about the same words.
        """
        found: set[int] = set(starts)
        for node in self._parsed(production):
            found = {end for start in found for end in self._ends(node, words, start, memory)}
        return found

    def _ends(
        self,
        node: Node,
        words: tuple[str, ...],
        start: int,
        memory: Memory,
    ) -> frozenset[int]:
        if isinstance(node, str):
            wanted = self._words(node)
            fits = words[start : start + len(wanted)] == wanted
            return frozenset({start + len(wanted)} if fits else ())
        if (key := (id(node), start)) not in memory:
            found: set[int] = set()
            for branch in node:
                places = frozenset({start})
                for child in branch:
                    if not places:
                        break
                    places = frozenset().union(
                        *(self._ends(child, words, place, memory) for place in places)
                    )
                found |= places
            memory[key] = frozenset(found)
        return memory[key]

    def _parse(self, production: str) -> tuple[Node, ...]:
        tokens = _TOKEN.findall(production)
        nodes, end = self._sequence(tokens, 0)
        if end != len(tokens):
            raise ValueError(f"unbalanced choice in {production!r}")
        return nodes

    def _sequence(self, tokens: list[str], at: int) -> tuple[tuple[Node, ...], int]:
        nodes: list[Node] = []
        while at < len(tokens) and tokens[at] not in ("|", "]"):
            token = tokens[at]
            if token == "[":
                branches = []
                while tokens[at] != "]":
                    branch, at = self._sequence(tokens, at + 1)
                    branches.append(branch)
                nodes.append(self._same(tuple(branches)))
            elif token.startswith("<"):
                nodes.append(self._same((self._parsed(f"[{self._rules[token[1:-1]]}]"),)))
            else:
                nodes.append(token)
            at += 1
        return tuple(nodes), at

    def _draw(self, node: Node, rng: random.Random) -> str:
        if isinstance(node, str):
            return node
        return "".join(self._draw(child, rng) for child in rng.choice(node))
