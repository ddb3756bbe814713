"""Facts as N-Triples (W3C Recommendation, 25 February 2014), read and written.

A thing whose name is an IRI stands as it is; any other name becomes `urn:llmagentos:NAME`, and
back. `is_a` is rdf:type. Who says a fact, and from when to when, stands as a statement about the
triple (rdf:Statement). A blank node gets a name of its own for each source; a text's language and a
datatype that is neither a number nor a truth are not kept.

Interface:
    claims          a text's facts
    lines           facts to the lines of a text
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from ...syscalls.errors import InvalidArgument
from ...syscalls.knowledge import Claim, Fact
from .facts import Told, checked
from .terms import Value, kind_of

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE, IS_A = f"{RDF}type", "is_a"
OWN = "urn:llmagentos:"
#: What we say about a triple.
SOURCE, SINCE, UNTIL = (f"urn:llmagentos-fact:{name}" for name in ("source", "since", "until"))
_WHOLE = {
    "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger",
    "nonPositiveInteger", "negativeInteger", "unsignedInt", "unsignedLong", "unsignedShort",
    "unsignedByte",
}  # fmt: skip
_REAL = {"decimal", "double", "float"}

# The terminals of the grammar, by its names.
_BASE = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_CHARS = f"{_BASE}_:0-9\u00b7\u0300-\u036f\u203f-\u2040-"
_UCHAR = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_IRI = rf'<((?:[^\x00-\x20<>"{{}}|^`\\]|{_UCHAR})*)>'
_BLANK = rf"_:([{_BASE}_:0-9](?:[{_CHARS}.]*[{_CHARS}])?)"
_QUOTED = rf'"((?:[^"\\\n\r]|\\[tbnrf"\'\\]|{_UCHAR})*)"'
_LANGUAGE = r"@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*"
_LINE = re.compile(
    rf"[ \t]*(?:(?:{_IRI}|{_BLANK})[ \t]*{_IRI}[ \t]*"
    rf"(?:{_IRI}|{_BLANK}|{_QUOTED}(?:\^\^{_IRI}|({_LANGUAGE}))?)[ \t]*\.[ \t]*)?(?:\#.*)?"
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_LETTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_ABSOLUTE = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\]+')


@dataclass(frozen=True, slots=True)
class _Triple:
    line: int
    subject: str
    relation: str
    object: Value
    thing: bool


@dataclass(slots=True)
class _Statement:
    """What is said about a triple."""

    parts: dict[str, _Triple] = field(default_factory=dict)

    def key(self) -> tuple[object, ...]:
        said = self.parts[f"{RDF}object"]
        subject, relation = (self.parts[f"{RDF}{name}"].object for name in ("subject", "predicate"))
        return subject, relation, said.object, kind_of(said.object, said.thing)

    def told(self, name: str) -> str | None:
        return str(self.parts[name].object) if name in self.parts else None


def claims(text: str, source: str) -> Iterator[Told]:
    """Yield what a text states. Raises `InvalidArgument` naming the line."""
    salt = hashlib.sha256(source.encode(errors="replace")).hexdigest()[:8]
    triples = [
        triple
        for number, line in enumerate(re.split(r"\r\n|[\r\n]", text), start=1)
        if (triple := _triple(line, number, salt)) is not None
    ]
    statements = _statements(triples)
    about: dict[tuple[object, ...], list[_Statement]] = {}
    for statement in statements.values():
        about.setdefault(statement.key(), []).append(statement)
    for triple in triples:
        if triple.subject in statements:
            continue
        kind = kind_of(triple.object, triple.thing)
        key = (triple.subject, triple.relation, triple.object, kind)
        for statement in about.get(key) or [_Statement()]:
            claim = Claim(
                subject=triple.subject, relation=triple.relation, object=triple.object,
                thing=triple.thing, source=statement.told(SOURCE) or source,
                since=statement.told(SINCE), until=statement.told(UNTIL),
            )  # fmt: skip
            try:
                yield checked(claim, source)
            except InvalidArgument as error:
                raise InvalidArgument(f"line {triple.line}: {error.message}") from None


def _statements(triples: list[_Triple]) -> dict[str, _Statement]:
    """Return the nodes that say nothing but what we say about a triple."""
    nodes = {
        triple.subject: _Statement()
        for triple in triples
        if triple.relation == IS_A and triple.object == f"{RDF}Statement"
    }
    known = {f"{RDF}{part}" for part in ("subject", "predicate", "object")}
    for triple in triples:
        if (node := nodes.get(triple.subject)) is None or triple.relation == IS_A:
            continue
        if triple.relation in node.parts or triple.relation not in {*known, SOURCE, SINCE, UNTIL}:
            del nodes[triple.subject]
        else:
            node.parts[triple.relation] = triple
    return {name: node for name, node in nodes.items() if known <= node.parts.keys()}


def _triple(line: str, number: int, salt: str) -> _Triple | None:
    found = _LINE.fullmatch(line)
    if found is None:
        raise InvalidArgument(f"line {number}: this is no triple: {line.strip()[:80]!r}")
    iri, blank, relation, other, other_blank, text, datatype, _ = found.groups()
    if relation is None:
        return None
    try:
        said: Value
        if text is not None:
            said, thing = _literal(_unescaped(text), datatype and _unescaped(datatype)), False
        else:
            said, thing = _named(other, other_blank, salt), True
        return _Triple(number, _named(iri, blank, salt), _thing(_absolute(relation)), said, thing)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"line {number}: {error}") from None


def _named(iri: str | None, blank: str | None, salt: str) -> str:
    return f"_:{salt}-{blank}" if iri is None else _thing(_absolute(iri))


def _thing(iri: str) -> str:
    if iri == TYPE:
        return IS_A
    return unquote(iri.removeprefix(OWN)) if iri.startswith(OWN) else iri


def _absolute(iri: str) -> str:
    whole = _unescaped(iri)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", whole):
        raise ValueError(f"<{whole[:60]}> is no absolute IRI")
    return whole


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _LETTERS.get(code, code)

    return _ESCAPE.sub(one, text) if "\\" in text else text


def _literal(text: str, datatype: str | None) -> Value:
    """Return a literal as a number or a truth; what is none, and any other, as its text."""
    kind = (datatype or "").removeprefix(XSD)
    clean = text.strip()
    if kind == "boolean" and clean in ("true", "1", "false", "0"):
        return clean in ("true", "1")
    if kind in _WHOLE and re.fullmatch(r"[+-]?\d{1,19}", clean) and abs(int(clean)) < 2**63:
        return int(clean)
    if kind in _REAL and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", clean):
        return float(clean) if abs(float(clean)) != float("inf") else text
    return text


def lines(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield each triple once, and after it what is said about it."""
    triples: set[str] = set()
    for fact in facts:
        subject, relation = iri(fact.subject), iri(fact.relation)
        object = iri(str(fact.object)) if fact.thing else literal(fact.object)
        if (triple := f"{subject} {relation} {object} .") not in triples:
            triples.add(triple)
            yield triple
        node = f"_:fact{fact.id}"
        yield f"{node} <{TYPE}> <{RDF}Statement> ."
        yield f"{node} <{RDF}subject> {subject} ."
        yield f"{node} <{RDF}predicate> {relation} ."
        yield f"{node} <{RDF}object> {object} ."
        yield f"{node} <{SOURCE}> {literal(fact.source)} ."
        for name, when in ((SINCE, fact.since), (UNTIL, fact.until)):
            if when is not None:
                yield f"{node} <{name}> {literal(when)} ."


def iri(name: str) -> str:
    """Return a thing's name as an IRI."""
    if name == IS_A:
        return f"<{TYPE}>"
    plain = _ABSOLUTE.fullmatch(name) and not name.startswith(OWN) and name != TYPE
    return f"<{name}>" if plain else f"<{OWN}{quote(name, safe='')}>"


def literal(value: Value) -> str:
    """Return a value as a literal."""
    if isinstance(value, bool):
        return f'"{str(value).lower()}"^^<{XSD}boolean>'
    if isinstance(value, (int, float)):
        return f'"{value!r}"^^<{XSD}{"integer" if isinstance(value, int) else "double"}>'
    # JSON escapes what N-Triples does, in the same letters, and control characters besides.
    return json.dumps(value, ensure_ascii=False)
