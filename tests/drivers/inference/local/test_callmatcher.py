"""Tool calls by grammar: text is free, and what begins as a call ends as a right one."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.local import callmatcher, trial
from llmagentos.drivers.inference.local.callmatcher import CallMatcher
from llmagentos.drivers.inference.local.grammar import LONGEST, TRIALS, Compiler
from llmagentos.drivers.inference.toolcalls import ToolCallParser
from llmagentos.drivers.tools.builtin import TOOLS as TOOLS_OF_THE_HOUSE
from llmagentos.drivers.tools.contract import define
from llmagentos.syscalls.errors import InvalidArgument

from . import tokens
from .tokens import Author

KINDS = [tokens.embedded, tokens.byte_level, tokens.sentencepiece]
MARK = "<tool_call>"


def tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": schema}}


ADD = tool("add", a={"type": "integer"}, b={"type": "integer"})
PUT = tool("put", key={"type": "string"}, value={"enum": ["x", "é", None]})
NOW = {"type": "function", "function": {"name": "now"}}
TREE = tool("grow", tree={"$ref": "#/$defs/tree"})
TREE["function"]["parameters"]["$defs"] = {
    "tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}
}
TOOLS = [ADD, PUT, NOW, TREE, tool('od"d\\ é', n={"type": "null"})]


class House:
    """A compiler, and who writes with its matchers."""

    def __init__(self, tokenizer: Any) -> None:
        self.author = Author(tokenizer)
        self.compiler = Compiler(tokenizer)

    def parse(self, written: list[int]) -> tuple[str, list[tuple[str, Any]]]:
        """Return the text and the calls of a reply."""
        parser = ToolCallParser()
        text = parser.feed(self.author.text(written)) + parser.end()
        functions = [call["function"] for call in parser.calls]
        return text, [(one["name"], json.loads(one["arguments"])) for one in functions]

    def follow(self, matcher: CallMatcher, text: str) -> bool:
        """Return whether a text may come, in as few tokens as there are for it."""
        for token in self.compiler._tokenizer.greedy_tokenize(text):
            if not matcher.allows(token):
                return False
            matcher.accept(token)
        return True

    def mask(self, matcher: CallMatcher) -> list[bool]:
        logits = torch.zeros(self.author.size)
        matcher.mask(logits)
        allowed = logits.isfinite().tolist()
        assert allowed == [matcher.allows(one) for one in range(self.author.size)]
        return allowed


@pytest.fixture(scope="module", params=KINDS, ids=lambda one: one.__name__)
def house(request: pytest.FixtureRequest) -> House:
    return House(request.param())


@pytest.fixture(scope="module")
def bytewise() -> House:
    return House(tokens.byte_level())


def fits(name: str, arguments: Any) -> None:
    schemas = {one["function"]["name"]: one["function"].get("parameters") for one in TOOLS}
    assert name in schemas
    jsonschema.validate(arguments, schemas[name] or {"type": "object", "maxProperties": 0})


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    temperature=st.sampled_from([0.0, 1.0, 5.0]),
    before=st.sampled_from(["", "so ", "a <", "é\n", "<tool", "a <tool_call "]),
)
def test_what_begins_as_a_call_ends_as_one(
    house: House, seed: int, temperature: float, before: str
) -> None:
    matcher = house.compiler.calls(TOOLS)
    written = house.author.write(matcher, seed, before + MARK, temperature=temperature)
    text, calls = house.parse(written)
    assert calls and text.lstrip(" ").startswith(before.lstrip(" "))
    for name, arguments in calls:
        fits(name, arguments)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_reply_that_has_to_call_begins_with_a_call(house: House, seed: int) -> None:
    matcher = house.compiler.calls(TOOLS, force=True)
    written = house.author.write(matcher, seed, temperature=1.0)
    _, [(name, arguments), *_] = house.parse(written)
    assert house.author.text(written).startswith(MARK)
    fits(name, arguments)


def test_a_reply_that_has_to_call_one_tool_is_that_call(house: House) -> None:
    for seed in range(20):
        matcher = house.compiler.calls(TOOLS, force="put")
        written = house.author.write(matcher, seed, temperature=1.0)
        text, [(name, arguments)] = house.parse(written)
        assert (text, name, matcher.ended) == ("", "put", True)
        fits(name, arguments)
        ends = house.author.vocabulary.ends
        assert house.mask(matcher) == [one in ends for one in range(house.author.size)]


def test_text_is_the_models_own(house: House) -> None:
    matcher = house.compiler.calls(TOOLS)
    for text in ("a < b", " <tool", "x", "</tool_call>", "<tool_ca", "日本"):
        logits = house.author.logits(torch.Generator().manual_seed(1))
        before = logits.clone()
        matcher.mask(logits)
        assert torch.equal(logits, before)
        assert all(map(matcher.allows, range(house.author.size)))
        assert house.follow(matcher, text) and not matcher.ended


def test_a_call_is_written_as_models_write_it(house: House) -> None:
    for call in (
        '{"name": "add", "arguments": {"a": 1, "b": 2}}',
        '{"name":"add","arguments":{"a":1,"b":2}}',
        '\n{"name": "now", "arguments": {}}\n',
        '{"name": "put", "arguments": {"key": "say \\"hi\\" é", "value": null}}',
        '{"name": "grow", "arguments": {"tree": [[], [[]]]}}',
        '{"name": "od\\"d\\\\ é", "arguments": {"n": null}}',
    ):
        matcher = house.compiler.calls(TOOLS)
        for _ in range(2):  # several calls, with text between them
            assert house.follow(matcher, f"so {MARK}{call}</tool_call> and <"), call


@pytest.mark.parametrize(
    "call",
    [
        '{"name": "sub"',
        '{"name": "add", "arguments": {"b"',
        '{"name": "add", "arguments": {"a": "',
        '{"name": "add", "arguments": {"a": 1}',
        '{"name": "add", "arguments": {"a": 1, "b": 2, ',
        '{"name": "add", "arguments": {"a": 1, "b": 2}}\n\n',
        '{"name": "add", "arguments": {"a": 1, "b": 2}}}',
        '{"name": "add"}',
        '{"arguments"',
        "add",
        " {",
    ],
)
def test_a_wrong_call_is_not_allowed(house: House, call: str) -> None:
    assert not house.follow(house.compiler.calls(TOOLS), MARK + call)


def test_no_reply_ends_within_a_call(house: House) -> None:
    matcher = house.compiler.calls(TOOLS)
    [end] = house.author.vocabulary.ends
    for piece in (MARK, '{"name": "add"', ', "arguments": {"a": 1, "b": 2}}'):
        assert matcher.allows(end) is (piece is MARK)
        assert house.follow(matcher, piece)
    assert not matcher.allows(end)
    assert house.follow(matcher, "</tool_call>") and matcher.allows(end)


def test_a_token_may_go_beyond_a_mark_only_into_a_call(bytewise: House) -> None:
    matcher = bytewise.compiler.calls(TOOLS)
    number = {text: n for n, text in enumerate(bytewise.author.vocabulary.tokens)}
    for piece in (b"<tool", b"_call"):
        matcher.accept(number[piece])
    allowed = bytewise.mask(matcher)
    wrong = {text for text, n in number.items() if not allowed[n]}
    assert wrong == {b">x", b"><"}
    assert bytewise.follow(matcher.copy(), ">")
    matcher.accept(number[b'>{"'])
    assert bytewise.follow(matcher, 'name": "now", "arguments": {}}</tool_call>')
    # After the call the same tokens are text again.
    assert matcher.allows(number[b">x"])


def test_a_mark_is_not_seen_where_there_is_none(bytewise: House) -> None:
    matcher = bytewise.compiler.calls(TOOLS)
    assert bytewise.follow(matcher, "<tool_cal >x<<tool_call<tool_call x")
    assert bytewise.follow(matcher, "<<tool_call")
    assert not bytewise.follow(matcher, ">x")


def test_a_copy_goes_its_own_way(house: House) -> None:
    first = house.compiler.calls(TOOLS)
    assert house.follow(first, f'a {MARK}{{"name": "')
    second = first.copy()
    assert house.follow(first, 'now", "arguments": {}}</tool_call>.')
    assert house.follow(second, 'add", "arguments": {"a"')
    assert not second.allows(next(iter(house.author.vocabulary.ends)))


def test_a_model_with_fewer_tokens_than_its_tokenizer_is_masked(house: House) -> None:
    few = torch.zeros(max(house.author.vocabulary.ends) + 1)
    matcher = house.compiler.calls([NOW], force="now")
    assert house.follow(matcher, MARK + '{"name": "now", "arguments": {}}</tool_call>')
    matcher.mask(few)
    assert few.isfinite().sum() == 1


def test_what_of_a_schema_cannot_be_compiled_is_left_to_the_model(house: House) -> None:
    some = tool("some", a={"type": "array", "uniqueItems": True}, b={"not": {"type": "string"}})
    none = tool("none", a={"type": "text"})
    for _ in range(2):
        matcher = house.compiler.calls([ADD, some, none])
        assert list(matcher.loose) == ["some", "none"]
        assert "uniqueItems" in matcher.loose["some"] and "text" in matcher.loose["none"]
        assert house.follow(matcher, MARK + '{"name": "none", "arguments": {"z": [1]}}</tool_call>')
        assert house.follow(matcher, MARK + '{"name": "some", "arguments": {"a": [1, 1], "b"')
        for wrong in ('{"name": "some", "arguments": {"a": "', '{"name": "add", "arguments": {"z"'):
            assert not house.follow(house.compiler.calls([ADD, some, none]), MARK + wrong)
    assert house.compiler.calls([ADD]).loose == {}


def test_tools_that_are_too_many_together_take_any_arguments(house: House) -> None:
    large = [tool(f"t{n}", a={"enum": ["a" * (LONGEST // 3)]}) for n in range(4)]
    matcher = house.compiler.calls(large)
    assert set(matcher.loose) == {"t0", "t1", "t2", "t3"}
    assert "longer than" in matcher.loose["t1"]
    assert house.follow(matcher, MARK + '{"name": "t2", "arguments": {"z": [1]}}</tool_call>')


def test_few_doubtful_tools_are_tried(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(trial, "holds", lambda text: bool(tried.append(text)))
    bad = [tool(f"t{n}", a={"type": "integer", "multipleOf": 999_983}) for n in range(50)]
    matcher = house.compiler.calls([*bad, ADD])
    assert set(matcher.loose) == {f"t{n}" for n in range(50)} | {"add"}
    assert len(tried) <= 2 * TRIALS + 2
    assert house.follow(matcher, MARK + '{"name": "t9", "arguments": {"a": 1}}</tool_call>')


def test_a_call_whose_grammar_grows_too_complex_is_left_to_the_model(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> bool:
        raise InvalidArgument("too complex")

    [a] = house.author.tokenizer.encode("a", add_special_tokens=False)[-1:]
    for method, use in (
        ("allows", lambda one: one.allows(a)),
        ("mask", house.mask),
        ("accept", lambda one: one.accept(a)),
    ):
        matcher = house.compiler.calls(TOOLS)
        assert house.follow(matcher, MARK)
        with monkeypatch.context() as patch:
            patch.setattr(callmatcher.GrammarMatcher, method, refuse)
            use(matcher)
        assert all(house.mask(matcher))
        assert matcher.loose == {"*": "too complex"}


@pytest.mark.parametrize(
    ("tools", "force", "reason"),
    [
        ([], False, "no tool"),
        ([ADD], "sub", "no tool sub"),
        ([{}], False, r"tools\[0\]"),
        ([ADD, "add"], False, r"tools\[1\]"),
        ([{"function": {"name": ""}}], False, r"tools\[0\]"),
        ([{"function": {"name": "\ud800"}}], False, r"tools\[0\]"),
        ([{"function": {"name": "f", "parameters": []}}], False, "parameters of the tool f"),
        ([tool("f", a={"const": float("inf")})], False, "no JSON"),
    ],
)
def test_what_is_no_tool_is_named(
    house: House, tools: list[Any], force: bool | str, reason: str
) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        house.compiler.calls(tools, force)


def test_a_tool_may_stand_without_its_wrapper_and_without_arguments(house: House) -> None:
    matcher = house.compiler.calls([{"name": "f"}, {"name": "g", "parameters": {}}])
    assert house.follow(matcher, MARK + '{"name": "g", "arguments": {"a": 1}}</tool_call>')
    assert house.follow(matcher, MARK + '{"name": "f", "arguments": {}}</tool_call>')
    assert not house.follow(matcher, MARK + '{"name": "f", "arguments": {"a')


def test_the_houses_own_tools_are_held_to_their_schemas(house: House) -> None:
    known = [define(name, function).info for name, function in TOOLS_OF_THE_HOUSE.items()]
    tools = [{"function": {"name": one.name, "parameters": one.parameters}} for one in known]
    assert house.compiler.calls(tools).loose == {}


def test_ordinary_tools_need_no_trial(house: House) -> None:
    compiler = Compiler(house.author.tokenizer)
    many = [tool(f"t{n}", a={"type": "string"}) for n in range(40)]
    assert compiler.calls([*TOOLS, *many]).loose == {}
    assert not any(map(trial.doubtful, compiler._grammars.keys()))
