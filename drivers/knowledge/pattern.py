"""The language of patterns: triples and comparisons, parted by dots.

    pattern     = clause { "." clause } [ "." ]
    clause      = term term term | term operator term
    term        = ?variable | ? | word | "text" | <iri> | number | true | false
    operator    = "=" | "!=" | "<" | "<=" | ">" | ">="

`docs/knowledge.md` says what they mean.

Interface:
    parse           a text to a Pattern; raises `InvalidArgument` saying where it is wrong
    Pattern         its triples and comparisons
    Variable, Name, Constant    what stands in them
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...syscalls.errors import InvalidArgument, TooBig
from .terms import Value, checked_value

#: Characters, triples and comparisons of a pattern, at most.
LENGTH, TRIPLES, COMPARISONS = 10_000, 12, 24
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'(?=\s|\.|$))
    | <(?P<iri>[^\s<>"]+)>
    | (?P<operator><=|>=|!=|[=<>])
    | \?(?P<variable>\w*)
    | (?P<dot>\.)(?=\s|$)
    | (?P<word>[^\s"<>?=!.](?:[^\s"<>?=!.]|[.?=!](?=[^\s]))*|\.(?=\d)[^\s"<>=]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?")
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Variable:
    """What is looked for."""

    name: str


@dataclass(frozen=True, slots=True)
class Name:
    """A thing or a text by its name."""

    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a truth."""

    value: int | float | bool


Term = Variable | Name | Constant
Triple = tuple[Term, Term, Term]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two terms and how they must stand to each other."""

    left: Term
    operator: str
    right: Term


@dataclass(frozen=True, slots=True)
class Pattern:
    """What must hold together."""

    triples: list[Triple]
    comparisons: list[Comparison]
    #: The named ones, in the order in which they first stand.
    variables: list[str]


def parse(text: str) -> Pattern:
    """Return a pattern. Raises `InvalidArgument`, and `TooBig` for one of too many clauses."""
    if len(text) > LENGTH:
        raise TooBig(f"a pattern has at most {LENGTH} characters, not {len(text)}")
    triples: list[Triple] = []
    comparisons: list[Comparison] = []
    for place, clause in _clauses(text):
        operators = [index for index, one in enumerate(clause) if isinstance(one, str)]
        if len(clause) != 3:
            why = f"a triple or a comparison has three parts, not {len(clause)}; a dot parts them"
            raise _wrong(text, place, why)
        if operators not in ([], [1]):
            raise _wrong(text, place, "an operator stands between two terms")
        first, middle, last = clause
        if isinstance(middle, str):
            comparisons.append(Comparison(first, middle, last))  # type: ignore[arg-type]
        else:
            triples.append((first, middle, last))  # type: ignore[arg-type]
    if not triples:
        raise InvalidArgument("a pattern needs a triple such as: ?who works_at ?firm")
    if len(triples) > TRIPLES or len(comparisons) > COMPARISONS:
        raise TooBig(f"a pattern has at most {TRIPLES} triples and {COMPARISONS} comparisons")
    return _checked(triples, comparisons)


def _checked(triples: list[Triple], comparisons: list[Comparison]) -> Pattern:
    variables: dict[str, None] = {}
    for subject, relation, object in triples:
        for one, what in ((subject, "the subject"), (relation, "the relation")):
            if isinstance(one, Constant):
                raise InvalidArgument(f"{what} of a triple is a name or a variable: {one.value}")
        for one in (subject, relation, object):
            if isinstance(one, Variable) and not one.name.startswith("?"):
                variables[one.name] = None
    for comparison in comparisons:
        sides = [one for one in (comparison.left, comparison.right) if isinstance(one, Variable)]
        if not sides:
            raise InvalidArgument("a comparison holds a variable")
        for one in sides:
            if one.name not in variables:
                raise InvalidArgument(f"?{one.name.lstrip('?')} stands in no triple")
    return Pattern(triples, comparisons, list(variables))


def _clauses(text: str) -> Iterator[tuple[int, list[Term | str]]]:
    """Yield where each clause begins, and its terms; an operator is a text."""
    clause: list[Term | str] = []
    start = at = 0
    anonymous = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(text, at + len(text[at:]) - len(text[at:].lstrip()), "this is no term")
        kind, token = found.lastgroup or "", found[found.lastgroup or 0]
        if kind == "dot":
            if not clause:
                raise _wrong(text, found.start("dot"), "there is nothing before the dot")
            yield start, clause
            clause = []
        else:
            if not clause:
                start = found.end() - len(found[0].lstrip())
            if kind == "variable" and not token:
                anonymous += 1
                token = f"?{anonymous}"
            clause.append(_term(kind, token))
        at = found.end()
    if clause:
        yield start, clause


def _term(kind: str, token: str) -> Term | str:
    match kind:
        case "operator":
            return token
        case "variable":
            return Variable(token)
        case "text":
            inner = token[1:-1]
            return Name(re.sub(r"\\(.)", lambda e: _ESCAPES.get(e[1], e[1]), inner, flags=re.S))
        case "word" if token in ("true", "false"):
            return Constant(token == "true")
        case "word" if _NUMBER.fullmatch(token):
            return Constant(number(token))
        case _:
            return Name(token)


def number(token: str) -> int | float:
    """Return what a number's digits say. Raises `InvalidArgument` for one that is too large."""
    value: Value = int(token) if re.fullmatch(r"[+-]?\d{1,20}", token) else float(token)
    checked: int | float = checked_value(value)  # type: ignore[assignment]
    return checked


def _wrong(text: str, place: int, why: str) -> InvalidArgument:
    return InvalidArgument(f"at character {place + 1}, {text[place : place + 30]!r}: {why}")
