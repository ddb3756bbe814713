"""A typed function becomes a tool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import pytest
from annotated_types import Le

from llmagentos.drivers.tools.contract import Context, define, tool
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.tool import ToolResult


@tool(effect=True, untrusted=True)
def book(
    context: Context, schema: str, count: Annotated[int, Le(9)] = 1, kind: Literal["a", "b"] = "a"
) -> str:
    """Book a seat.

    In a train.
    """
    return f"{schema} {count} {kind}"


@tool()
def untyped(context: Context, what) -> str:  # type: ignore[no-untyped-def]
    return ""


@tool()
def spread(context: Context, **rest: str) -> str:
    return ""


@tool()
def bare() -> str:
    return ""


@dataclass
class Seat:
    number: int
    window: bool


@tool(rate=3)
def seat(context: Context, number: int) -> Seat:
    """Return a seat."""
    return Seat(number=number, window=False)


class Opaque:
    """What no schema describes."""


@tool()
def opaque(context: Context) -> Opaque:
    return Opaque()


def test_the_signature_is_the_schema() -> None:
    info = define("book", book).info
    assert (info.name, info.effect, info.untrusted) == ("book", True, True)
    assert info.description == "Book a seat.\n\nIn a train."
    assert info.parameters["required"] == ["schema"]
    assert info.parameters["properties"]["schema"] == {"type": "string"}
    assert info.parameters["properties"]["count"] == {
        "type": "integer",
        "maximum": 9,
        "default": 1,
    }
    assert info.parameters["additionalProperties"] is False


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({}, "schema"), ({"schema": 5}, "schema"), ({"schema": "x", "count": 10}, "count"),
     ({"schema": "x", "kind": "c"}, "kind"), ({"schema": "x", "more": 1}, "more")],
)  # fmt: skip
def test_a_wrong_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"book: {named}: "):
        define("book", book).check(arguments)


def test_what_is_right_is_converted() -> None:
    assert define("book", book).check({"schema": "x", "count": "2"}) == {"schema": "x", "count": 2}


def test_a_typed_result_has_a_schema_plain_values_and_their_json() -> None:
    definition = define("seat", seat, "a-plugin")
    assert definition.info.result is not None and definition.info.rate == 3
    assert definition.info.result["required"] == ["number", "window"]
    assert definition.info.source == "a-plugin"
    result = definition.outcome(seat(cast(Context, None), 4))
    assert (result.text, result.data) == (
        '{"number": 4, "window": false}', {"number": 4, "window": False}
    )  # fmt: skip
    assert define("book", book).info.result is None
    for wrong in ({"number": "x", "window": 1}, None, Opaque()):
        with pytest.raises(ValueError):
            definition.outcome(wrong)


def test_a_result_of_its_own_making_is_handed_on() -> None:
    made = ToolResult(text="x", sources=["a page"])
    assert define("book", book).outcome(made) is made


@pytest.mark.parametrize("function", [untyped, spread, bare, print, opaque])
def test_what_cannot_be_a_tool_is_refused(function: Any) -> None:
    with pytest.raises(InvalidArgument, match="odd"):
        define("odd", function)
