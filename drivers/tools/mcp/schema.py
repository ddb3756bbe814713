"""A stranger's JSON schema: offered within bounds, and checked by in bounded time.

A schema can be written so that checking by it never ends: references that double at every step,
patterns that go back for ever. So what is checked by is a plain copy, with references put in place
and without what may take long: it refuses nothing that the schema itself allows.

Interface:
    Unfit           what is wrong with a schema
    offered         the schema as a model is shown it
    Checker         checks values; `wrong` says what is not as the schema has it
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .words import tidy

#: Levels, nodes and characters of a schema, characters of a description and of a property's name.
DEPTH, NODES, SIZE, DESCRIPTION, NAME = 24, 4000, 32 * 1024, 1000, 128
#: Nodes of a schema times those of a value, above which a value is let pass unchecked.
WORK = 1_000_000
#: Keywords whose value is one schema, a list of them, or a map of them.
_ONE = ("items", "additionalProperties", "contains", "propertyNames")
_MANY = ("allOf", "anyOf", "prefixItems")
_PLAIN = (
    "type", "enum", "const", "required", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "dependentRequired",
)  # fmt: skip


class Unfit(Exception):
    """A schema that cannot be offered or checked by."""


def offered(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with its descriptions tidied. Raises `Unfit` past the bounds."""
    left = NODES

    def copy(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > DEPTH:
            raise Unfit("its schema is too deep" if left >= 0 else "its schema is too large")
        if isinstance(value, list):
            return [copy(one, depth + 1) for one in value]
        if not isinstance(value, dict):
            return value
        if any(len(key) > NAME or tidy(key, NAME) != key.strip() for key in value):
            raise Unfit("its schema has a name that cannot be shown")
        return {
            key: tidy(one, DESCRIPTION)
            if key in ("description", "title", "$comment") and isinstance(one, str)
            else copy(one, depth + 1)
            for key, one in value.items()
        }

    shown: dict[str, Any] = copy(schema, 0)
    if len(json.dumps(shown)) > SIZE:
        raise Unfit("its schema is too large")
    return shown


class Checker:
    """Checks values by a schema. Raises `Unfit` for one that is no schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        from jsonschema import Draft202012Validator, SchemaError

        copier = _Plain(schema)
        plain = copier.copy(schema)
        self._nodes = NODES - copier.left
        try:
            Draft202012Validator.check_schema(plain)
        except SchemaError as error:
            raise Unfit(f"its schema is none: {tidy(error.message, 200)}") from None
        self._validator = Draft202012Validator(plain)

    def wrong(self, value: Any) -> str | None:
        """Return what is wrong with a value and where, or None. May take seconds."""
        try:
            if self._nodes * _nodes(value) > WORK:
                return None
            found: Iterator[Any] = self._validator.iter_errors(value)
            error = next(found, None)
        except RecursionError:
            return "it is nested too deep"
        if error is None:
            return None
        place = ".".join(map(str, error.absolute_path))
        return tidy(f"{place}: {error.message}" if place else error.message, 300)


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


class _Plain:
    """Copies a schema without references and without what may take long."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root, self.left = root, NODES

    def copy(self, schema: Any, inside: tuple[str, ...] = (), depth: int = 0) -> Any:
        if not isinstance(schema, dict):
            return schema if isinstance(schema, bool) else {}
        self.left -= 1
        if self.left < 0 or depth > 2 * DEPTH:
            raise Unfit("its schema is too large")
        plain = {key: schema[key] for key in _PLAIN if key in schema}
        for key in _ONE:
            if key in schema:
                plain[key] = self.copy(schema[key], inside, depth + 1)
        for key in _MANY:
            if isinstance(schema.get(key), list):
                plain[key] = [self.copy(one, inside, depth + 1) for one in schema[key]]
        if isinstance(schema.get("properties"), dict):
            plain["properties"] = {
                name: self.copy(one, inside, depth + 1)
                for name, one in schema["properties"].items()
            }
        if "patternProperties" in schema:
            plain.pop("additionalProperties", None)
        # Where branches are looser than they were, more than one may hold.
        if isinstance(schema.get("oneOf"), list):
            some = {"anyOf": [self.copy(one, inside, depth + 1) for one in schema["oneOf"]]}
            plain.setdefault("allOf", []).append(some)
        reference = schema.get("$ref")
        # Within itself a schema stands for anything.
        if isinstance(reference, str) and reference not in inside:
            there = self.copy(self._find(reference), (*inside, reference), depth + 1)
            plain.setdefault("allOf", []).append(there)
        return plain

    def _find(self, reference: str) -> Any:
        """Return what a reference within the schema stands for; anything for all others."""
        if reference == "#":
            return self._root
        if not reference.startswith("#/"):
            return {}
        found: Any = self._root
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step, {}) if isinstance(found, dict) else {}
        return found
