"""A small language for phrasings: choices, rules and slots.

`[please|]` is a choice, `<put>` a rule, `{key}` a slot that stays in the expansion.
A production can be drawn from at random and can be turned into a regular expression
over skeletons, which is how tests prove that a phrasing is *not* in the language.

Interface:
    Grammar.expand      one random sentence, slots kept
    Grammar.pattern     regular expression of all skeletons
    skeleton            words without slots' names, capitals and punctuation
"""

import random
import re
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

__all__ = ["Grammar", "skeleton"]

#: a text, or a choice between sequences
Node: TypeAlias = "str | tuple[tuple[Node, ...], ...]"

_TOKEN = re.compile(r"[\[\]|]|<\w+>|[^\[\]|<]+")
_SLOT = re.compile(r"\{\w+\}")
_WORD = re.compile(r"\w+|#")


def skeleton(template: str) -> str:
    """The words of a template, one space after each, every slot written as `#`."""
    text = _SLOT.sub(" # ", template).replace("'", "").replace("’", "").lower()
    return "".join(f"{word} " for word in _WORD.findall(text))


class Grammar:
    """Named rules; every method takes a production that may use them."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._parsed = cache(self._parse)

    def expand(self, production: str, rng: random.Random) -> str:
        """One random sentence of the production, with single spaces."""
        text = "".join(self._draw(node, rng) for node in self._parsed(production))
        return re.sub(r" +([,.?!])", r"\1", " ".join(text.split()))

    def pattern(self, production: str) -> str:
        """Source of a regular expression that matches each skeleton of the production.

        Word boundaries of the production must coincide with those of its choices.
        """
        return "".join(self._source(node) for node in self._parsed(production))

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
                nodes.append(tuple(branches))
            elif token.startswith("<"):
                nodes.append((self._parsed(f"[{self._rules[token[1:-1]]}]"),))
            else:
                nodes.append(token)
            at += 1
        return tuple(nodes), at

    def _draw(self, node: Node, rng: random.Random) -> str:
        if isinstance(node, str):
            return node
        return "".join(self._draw(child, rng) for child in rng.choice(node))

    def _source(self, node: Node) -> str:
        if isinstance(node, str):
            return re.escape(skeleton(node)).replace(r"\#", "#")
        branches = ("".join(self._source(child) for child in branch) for branch in node)
        return f"(?:{'|'.join(dict.fromkeys(branches))})"
