"""Facts from JSON-LD (W3C Recommendation, 16 July 2020), a flat subset of it.

Nodes with `@id`, `@type`, properties, nodes within nodes, `@graph`, values with `@value`, and a
context that stands in the text: terms, prefixes, `@vocab`, and `"@type": "@id"` for properties
whose texts are names. A key that the context does not know stands as it is. What lies elsewhere is
not fetched, and what is not understood is refused by its name.

Interface:
    claims          a text's facts
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from ...syscalls.errors import InvalidArgument
from ...syscalls.knowledge import Claim
from .facts import Told, checked
from .ntriples import IS_A, TYPE

#: Nodes within each other.
DEPTH = 32
_NODE = {"@id", "@type", "@context", "@graph"}


def claims(text: str, source: str) -> Iterator[Told]:
    """Yield what a text states. Raises `InvalidArgument` naming the line or the place."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"line {error.lineno}: no JSON: {error.msg}") from None
    except RecursionError:
        raise InvalidArgument("line 1: JSON within JSON without end") from None
    salt = hashlib.sha256(source.encode(errors="replace")).hexdigest()[:8]
    for place, claim in _Reader(salt).document(whole):
        try:
            yield checked(claim, source)
        except InvalidArgument as error:
            raise InvalidArgument(f"{place}: {error.message}") from None


class _Reader:
    """Walks a document; `place` says where it stands, as in `$[2].knows`."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._terms: dict[str, str] = {}
        #: Properties whose texts are names of things.
        self._names: set[str] = set()
        self._vocabulary = ""

    def document(self, whole: Any) -> Iterator[tuple[str, Claim]]:
        """Yield a document's claims with their places."""
        nodes = whole if isinstance(whole, list) else [whole]
        for number, node in enumerate(nodes):
            place = f"$[{number}]" if isinstance(whole, list) else "$"
            if not isinstance(node, dict):
                raise InvalidArgument(f"{place}: a node is an object, not {_kind(node)}")
            yield from self._node(node, place, 0)[1]

    def _node(self, node: dict[str, Any], place: str, depth: int) -> tuple[str, list[Any]]:
        """Return a node's name and its claims, with those of the nodes in it."""
        if depth > DEPTH:
            raise InvalidArgument(f"{place}: more than {DEPTH} nodes within each other")
        if "@context" in node:
            if depth:
                raise InvalidArgument(f"{place}: a context stands at the top alone")
            self._context(node["@context"], place)
        name = self._name(node.get("@id", f"_:{place}"), f"{place}.@id")
        found: list[Any] = []
        for kind in _several(node.get("@type", [])):
            said = self._term(_text(kind, f"{place}.@type"))
            found.append((place, Claim(subject=name, relation=IS_A, object=said)))
        for number, one in enumerate(_several(node.get("@graph", []))):
            inner = f"{place}.@graph[{number}]"
            if not isinstance(one, dict):
                raise InvalidArgument(f"{inner}: a node is an object, not {_kind(one)}")
            found += self._node(one, inner, depth + 1)[1]
        for key, value in node.items():
            if key in _NODE:
                continue
            if key.startswith("@"):
                raise InvalidArgument(f"{place}: {key[:40]} is not understood")
            found += self._property(name, key, value, f"{place}.{key[:60]}", depth)
        return name, found

    def _property(self, name: str, key: str, value: Any, place: str, depth: int) -> list[Any]:
        if depth > DEPTH:
            raise InvalidArgument(f"{place}: more than {DEPTH} nodes within each other")
        relation, found = self._term(key), []
        if relation == TYPE:
            relation = IS_A
        for one in _several(value):
            if one is None:
                continue
            claim = Claim(subject=name, relation=relation, object="", thing=False)
            if isinstance(one, dict) and "@value" in one:
                if extra := one.keys() - {"@value", "@type", "@language"}:
                    raise InvalidArgument(f"{place}: {min(extra)[:40]} is not understood")
                one = one["@value"]
            elif isinstance(one, dict) and one.keys() <= {"@set"}:
                found += self._property(name, key, one.get("@set"), place, depth + 1)
                continue
            elif isinstance(one, dict):
                claim["thing"] = True
                one, inner = self._node(one, place, depth + 1)
                found += inner
            elif isinstance(one, str) and key in self._names:
                claim["thing"] = True
                one = self._name(one, place)
            if not isinstance(one, (str, int, float)):
                raise InvalidArgument(f"{place}: {_kind(one)} is no value")
            claim["object"] = one
            found.append((place, claim))
        return found

    def _context(self, context: Any, place: str) -> None:
        for one in _several(context):
            if isinstance(one, str):
                raise InvalidArgument(f"{place}: the remote context {one[:200]!r} is not fetched")
            if not isinstance(one, dict):
                raise InvalidArgument(f"{place}: a context is an object, not {_kind(one)}")
            for key, value in one.items():
                self._define(key, value, place)

    def _define(self, key: str, value: Any, place: str) -> None:
        if key == "@vocab":
            self._vocabulary = _text(value, f"{place}.@context.@vocab")
        elif key == "@version" or (key == "@language" and isinstance(value, str)):
            return  # The version is ours; a text's language is not kept.
        elif key.startswith("@"):
            raise InvalidArgument(f"{place}: {key[:40]} in a context is not understood")
        elif isinstance(value, dict):
            if extra := value.keys() - {"@id", "@type"}:
                raise InvalidArgument(f"{place}: {min(extra)[:40]} of a term is not understood")
            if value.get("@type") in ("@id", "@vocab"):
                self._names.add(key)
            if "@id" in value:
                self._terms[key] = _text(value["@id"], f"{place}.@context.{key[:60]}")
        else:
            self._terms[key] = _text(value, f"{place}.@context.{key[:60]}")

    def _term(self, key: str) -> str:
        """Return what a property or a type is called."""
        if key in self._terms:
            known = self._terms[key]
            return IS_A if known == "@type" else self._expanded(known)
        whole = self._expanded(key)
        return whole if whole != key or ":" in key else self._vocabulary + key

    def _name(self, said: Any, place: str) -> str:
        """Return what a node is called; a blank one's name is its own in each source."""
        text = _text(said, place)
        return f"_:{self._salt}-{text[2:]}" if text.startswith("_:") else self._expanded(text)

    def _expanded(self, text: str) -> str:
        prefix, colon, rest = text.partition(":")
        known = self._terms.get(prefix)
        return known + rest if colon and known and not rest.startswith("//") else text


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgument(f"{place}: a name is a text, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth", type(None): "null"}
    return names.get(type(value), "a number")
