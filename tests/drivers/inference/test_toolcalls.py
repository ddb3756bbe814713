"""Tool calls in a model's text: found however it is cut, and never at the price of a crash."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.toolcalls import ToolCallParser, offered
from llmagentos.syscalls.errors import InvalidArgument

CALL = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


def parse(*pieces: str) -> tuple[str, list[tuple[str, object]]]:
    parser = ToolCallParser()
    text = "".join(map(parser.feed, pieces)) + parser.end()
    functions = [call["function"] for call in parser.calls]
    return text, [(one["name"], json.loads(one["arguments"])) for one in functions]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(CALL) + 20)))
def test_a_call_is_found_however_the_text_is_cut(cuts: list[int]) -> None:
    whole = f"so < it {CALL} is"
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    assert parse(*pieces) == ("so < it  is", [("add", {"a": 1})])


def test_plain_text_is_shown_at_once_and_what_may_be_a_tag_is_held() -> None:
    parser = ToolCallParser()
    assert parser.feed("1 <") == "1 "
    assert parser.feed(" 2") == "< 2"


def test_a_call_whose_end_is_missing_still_counts() -> None:
    assert parse(CALL.removesuffix("</tool_call>")) == ("", [("add", {"a": 1})])


@pytest.mark.parametrize(
    "arguments",
    ['"arguments": "{\\"a\\": 1}"', '"parameters": {"a": 1}', '"parameters": "{\\"a\\": 1}"'],
)
def test_arguments_are_read_however_a_model_writes_them(arguments: str) -> None:
    text = f'<tool_call>{{"name": "add", {arguments}}}</tool_call>'
    assert parse(text) == ("", [("add", {"a": 1})])


@pytest.mark.parametrize(
    "inside",
    [
        "no JSON",
        "[" * 100_000,
        '{"name": "f", "arguments": ' + '{"a":' * 50_000,
        '{"name": 1}',
        '{"name": "f", "arguments": [1]}',
        '{"name": "f", "arguments": "[1]"}',
        '{"name": "f", "arguments": "no JSON"}',
        '{"name": "\\ud800"}',
        '{"name": "f", "arguments": {"a": "\\ud800"}}',
        "9" * 5000,
    ],
    ids=range(10),
)
def test_what_is_no_call_stays_text(inside: str) -> None:
    whole = f"<tool_call>{inside}</tool_call>"
    assert parse(whole) == (whole, [])
    unfinished = f"<tool_call>{inside}"
    assert parse(unfinished) == (unfinished, [])


def test_without_tools_nothing_is_parsed() -> None:
    parser = ToolCallParser(wanted=False)
    assert parser.feed(CALL) == CALL and parser.end() == "" and parser.calls == []


def test_a_mark_within_an_argument_is_a_part_of_it() -> None:
    written = 'so <tool_call>{"name": "put", "arguments": {"a": "\\"</tool_call> <tool_call>"}}'
    call = ("put", {"a": '"</tool_call> <tool_call>'})
    for cut in range(len(written)):
        assert parse(written[:cut], written[cut:], "</tool_call>.") == ("so .", [call])
    assert parse(written) == ("so ", [call])


def test_a_string_without_an_end_hides_no_later_call() -> None:
    broken = '<tool_call>{"name": "x}</tool_call>'
    assert parse(broken, CALL) == (broken, [("add", {"a": 1})])


def test_a_choice_of_none_offers_nothing_and_one_that_nobody_offers_is_refused() -> None:
    tools = [{"type": "function", "function": {"name": "add"}}]
    assert offered(tools, "none") == []
    assert offered(tools, "auto") == offered(tools, "required") == offered(tools, "add") == tools
    for choice, among in (("required", []), ("add", []), ("put", tools)):
        with pytest.raises(InvalidArgument, match=f"tool_choice is {choice}"):
            offered(among, choice)
