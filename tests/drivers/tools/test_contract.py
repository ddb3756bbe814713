"""A typed function becomes a tool."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Le

from llmagentos.drivers.tools.contract import Context, define, tool
from llmagentos.syscalls.errors import InvalidArgument


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


@pytest.mark.parametrize("function", [untyped, spread, bare, print])
def test_what_cannot_be_a_tool_is_refused(function: Any) -> None:
    with pytest.raises(InvalidArgument, match="odd"):
        define("odd", function)
