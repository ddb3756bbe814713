"""Tool calls from the pieces that different servers send."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.drivers.inference.openai.calls import Calls

WHOLE = [("a", "calc", '{"x":1}'), ("b", "clock", "{}")]


def piece(**fields: Any) -> dict[str, Any]:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**fields, "function": function}


def joined(*pieces: dict[str, Any]) -> list[tuple[str, str, str]]:
    calls = Calls()
    for one in pieces:
        calls.add(one)
    return [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in calls.all()
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        [  # OpenAI: numbered, the name once, the arguments bit by bit
            piece(index=0, id="a", name="calc", arguments=""),
            piece(index=1, id="b", name="clock", arguments=""),
            piece(index=0, arguments='{"x"'), piece(index=1, arguments="{}"),
            piece(index=0, arguments=":1}"),
        ],
        [  # the number left out, each call whole
            piece(id="a", name="calc", arguments='{"x":1}'),
            piece(id="b", name="clock", arguments="{}"),
        ],
        [  # no number, bit by bit
            piece(index=None, id="a", name="calc"), piece(index=None, arguments='{"x":'),
            piece(index=None, arguments="1}"), piece(index=None, id="b", name="clock"),
            piece(index=None, arguments="{}"),
        ],
        [  # one number for all
            piece(index=0, id="a", name="calc", arguments='{"x":1}'),
            piece(index=0, id="b", name="clock", arguments="{}"),
        ],
        [  # identity and name with every piece
            piece(index=0, id="a", name="calc", arguments='{"x"'),
            piece(index=0, id="a", name="calc", arguments=":1}"),
            piece(index=1, id="b", name="clock", arguments="{}"),
        ],
        [  # the same without a number
            piece(id="a", name="calc", arguments='{"x"'),
            piece(id="a", name="calc", arguments=":1}"),
            piece(id="b", name="clock", arguments="{}"),
        ],
    ],
)  # fmt: skip
def test_each_servers_pieces_become_the_same_calls(pieces: list[dict[str, Any]]) -> None:
    assert joined(*pieces) == WHOLE


def test_a_call_without_an_identity_is_given_one_of_its_own() -> None:
    first, second = joined(piece(name="calc", arguments="{}"), piece(name="calc", arguments="{}"))
    assert first[0].startswith("call_") and second[0].startswith("call_") and first[0] != second[0]
    assert first[1:] == second[1:] == ("calc", "{}")


def test_a_name_may_come_in_parts() -> None:
    assert joined(piece(index=0, id="a", name="ca"), piece(index=0, name="lc")) == [
        ("a", "calc", "")
    ]
