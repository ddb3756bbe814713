"""Patterns matched with facts: a pattern becomes one SQL join, bounded in what it may cost.

Interface:
    ask             the ways in which a pattern holds
"""

from __future__ import annotations

from typing import Any

from ...syscalls.knowledge import Answer
from . import facts
from .database import Database
from .facts import holding
from .pattern import Constant, Name, Pattern, Term, Variable
from .terms import kind_of, named, same, value_of

_COLUMNS = ("subject", "relation", "object")
#: The kinds of terms that a name may mean, by the column in which it stands.
_KINDS = {"subject": ("thing",), "relation": ("thing",), "object": ("thing", "text")}


def ask(
    base: Database, scope: int, pattern: Pattern, as_of: str | None, limit: int
) -> list[Answer]:
    """Return the ways in which a pattern holds, at most `limit`. Raises `TooBig`."""
    query = _Query(base, scope, as_of)
    for number, triple in enumerate(pattern.triples):
        query.add(f"f{number}", triple)
    for comparison in pattern.comparisons:
        query.compare(comparison.left, comparison.operator, comparison.right)
    if not query.possible:
        return []
    with base.bounded():
        found = base.rows(*query.statement(pattern.variables, len(pattern.triples), limit))
    width = 2 * len(pattern.variables)
    used = facts.read(base, [number for row in found for number in row[width:]])
    answers, count = [], len(pattern.triples)
    for index, row in enumerate(found):
        values = zip(pattern.variables, row[0:width:2], row[1:width:2], strict=True)
        answers.append(
            Answer(
                values={name: value_of(kind, value) for name, kind, value in values},
                facts=used[index * count : (index + 1) * count],
            )
        )
    return answers


class _Query:
    """A join under construction."""

    def __init__(self, base: Database, scope: int, as_of: str | None) -> None:
        self._base, self._scope, self._as_of = base, scope, as_of
        #: Variable to the column in which it first stands.
        self._columns: dict[str, str] = {}
        self._terms: dict[str, str] = {}
        self._tables: list[str] = []
        self._conditions: list[str] = []
        #: Whether all that is named is known; else nothing holds.
        self.possible = True
        self._values: list[Any] = []

    def add(self, alias: str, triple: tuple[Term, Term, Term]) -> None:
        """Take a triple in."""
        self._tables.append(f"fact {alias}")
        holds, moments = holding(self._as_of, alias)
        self._say(holds, *moments)
        # Terms are of one namespace: a constant, or a column shared with one, keeps to it.
        if all(isinstance(term, Variable) for term in triple):
            self._say(f"{alias}.scope = ?", self._scope)
        for column, term in zip(_COLUMNS, triple, strict=True):
            self._bind(f"{alias}.{column}", column, term)

    def compare(self, left: Term, operator: str, right: Term) -> None:
        """Take a comparison in: numbers with numbers, texts and names with such."""
        if isinstance(left, Variable) and isinstance(right, Variable):
            a, b = self._term(left.name), self._term(right.name)
            alike = f"{_worth(a)} = {_worth(b)}"
            if operator == "!=":
                self._say(f"{a}.value <> {b}.value OR NOT {alike}")
            else:
                self._say(f"{alike} AND {a}.value {operator} {b}.value")
            return
        if not isinstance(left, Variable):
            flipped = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
            left, operator, right = right, flipped.get(operator, operator), left
        assert isinstance(left, Variable) and not isinstance(right, Variable)
        term, value = self._term(left.name), right.text if isinstance(right, Name) else right.value
        kinds = _kinds(right)
        if operator == "!=":
            self._say(f"{term}.kind NOT IN {kinds} OR {term}.value <> ?", value)
        else:
            self._say(f"{term}.kind IN {kinds} AND {term}.value {operator} ?", value)

    def statement(self, variables: list[str], triples: int, limit: int) -> tuple[Any, ...]:
        """Return the whole statement and its values."""
        terms = [self._term(name) for name in variables]
        shown = [f"{term}.kind, {term}.value" for term in terms]
        shown += [f"f{number}.id" for number in range(triples)]
        return (
            f"SELECT {', '.join(shown)} FROM {', '.join(self._tables)}"
            f" WHERE {' AND '.join(self._conditions)} LIMIT ?",
            *self._values, limit,
        )  # fmt: skip

    def _bind(self, place: str, column: str, term: Term) -> None:
        if isinstance(term, Variable):
            first = self._columns.setdefault(term.name, place)
            if first != place:
                self._say(f"{place} = {first}")
        else:
            meant = self._meant(column, term)
            self.possible &= bool(meant)
            self._say(f"{place} IN ({', '.join(map(str, meant))})")

    def _meant(self, column: str, term: Name | Constant) -> list[int]:
        """Return the terms that a constant stands for in a column."""
        if isinstance(term, Name):
            return named(self._base, self._scope, term.text, *_KINDS[column])
        return same(self._base, self._scope, kind_of(term.value, False), term.value)

    def _term(self, variable: str) -> str:
        """Return the table that holds what a variable stands for."""
        if variable not in self._terms:
            alias = self._terms[variable] = f"t{len(self._terms)}"
            self._tables.append(f"term {alias}")
            self._say(f"{alias}.id = {self._columns[variable]}")
        return self._terms[variable]

    def _say(self, condition: str, *values: Any) -> None:
        self._conditions.append(f"({condition})")
        self._values += values


def _kinds(term: Name | Constant) -> str:
    if isinstance(term, Name):
        return "('thing', 'text')"
    return "('truth')" if isinstance(term.value, bool) else "('number')"


def _worth(term: str) -> str:
    """Return an expression that is the same for terms that can be compared."""
    return f"CASE {term}.kind WHEN 'number' THEN 1 WHEN 'truth' THEN 2 ELSE 3 END"
