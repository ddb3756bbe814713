"""A stranger's schema: what is checked by refuses nothing that it allows, and always ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmagentos.drivers.tools.mcp.schema import NODES, Checker, Unfit, offered

NAMES = st.sampled_from("abc")
PLAIN = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "string", "boolean", "null"])}),
    st.fixed_dictionaries({"minimum": st.integers(-3, 3)}),
    st.fixed_dictionaries({"maxLength": st.integers(0, 3), "pattern": st.just("^a*$")}),
    st.fixed_dictionaries({"enum": st.lists(st.integers(0, 3), min_size=1, max_size=3)}),
    st.just({"$ref": "#/$defs/a"}),
    st.just({"$ref": "#"}),
    st.booleans(),
)
SCHEMAS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2), "not": inner}),
        st.fixed_dictionaries(
            {
                "properties": st.dictionaries(NAMES, inner, max_size=3),
                "required": st.lists(NAMES, max_size=2, unique=True),
                "additionalProperties": inner,
                "patternProperties": st.dictionaries(NAMES, inner, max_size=1),
            }
        ),
    ),
    max_leaves=8,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 4) | st.text("ab", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(SCHEMAS, SCHEMAS, VALUES)
def test_nothing_is_refused_that_the_schema_itself_allows(
    inner: Any, shared: Any, value: Any
) -> None:
    schema = {"allOf": [inner], "$defs": {"a": shared}}
    try:
        allowed = Draft202012Validator(schema).is_valid(value)
    except BaseException as error:
        # It stands for itself, and nobody can check by it; a part of the checker that is written
        # in Rust panics where the stack ends.
        if type(error).__name__ not in ("RecursionError", "PanicException"):
            raise
        allowed = False
    assert not allowed or Checker(schema).wrong(value) is None


def test_what_is_wrong_is_named_with_its_place() -> None:
    point = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    checker = Checker({"properties": {"p": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": point}})
    assert checker.wrong({"p": {"x": 1}}) is None
    assert checker.wrong({"p": {"x": "1"}}) == "p.x: '1' is not of type 'number'"
    assert checker.wrong({"p": {}}) == "p: 'x' is a required property"


def test_a_value_that_is_nested_too_deep_is_told_so() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"x": deep}
    assert Checker({"type": "object"}).wrong(deep) == "it is nested too deep"


def test_a_value_that_would_take_too_long_passes_unchecked() -> None:
    wide = {"items": {"anyOf": [{"type": "string"}] * 2000}}
    assert Checker(wide).wrong([1]) is not None
    assert Checker(wide).wrong([1] * 100_000) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 5},
        {"properties": {"x": {"type": "text"}}},
        {"required": "x"},
        {"$ref": "#/$defs/d0", "$defs": {
            f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}},
        {"anyOf": [True] * 10, "allOf": [{"minimum": 0}] * (NODES + 1)},
    ],
)  # fmt: skip
def test_what_is_no_schema_or_doubles_without_end_is_unfit(schema: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        Checker(schema)


def test_a_schema_is_offered_in_fit_words_and_bounds() -> None:
    schema = {
        "description": "a\x1b\u200bb",
        "properties": {"description": {"type": "string", "description": "c" * 5000}},
    }
    shown = offered(schema)
    assert shown["description"] == "ab"
    assert len(shown["properties"]["description"]["description"]) == 1000
    for bad in (
        {"properties": {"x" * 200: {}}},
        {"properties": {"a\u202e": {}}},
        {"enum": ["x" * 40_000]},
        {"enum": list(range(NODES + 1))},
    ):
        with pytest.raises(Unfit):
            offered(bad)
