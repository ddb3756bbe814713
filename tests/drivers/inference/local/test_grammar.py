"""Grammars: whatever a model would like to say, it says what was asked for."""

from __future__ import annotations

import json
import random
import re
from typing import Any, cast

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.local import trial
from llmagentos.drivers.inference.local.grammar import KEPT, LONGEST, Compiler
from llmagentos.drivers.inference.local.matcher import GrammarMatcher
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.model import Grammar

from . import tokens
from .tokens import Author

KINDS = [tokens.embedded, tokens.byte_level, tokens.sentencepiece]
Warmth = st.sampled_from([0.0, 0.7, 5.0])


class House:
    """A compiler, and who writes with its grammars."""

    def __init__(self, tokenizer: Any) -> None:
        self.author = Author(tokenizer)
        self.compiler = Compiler(tokenizer)

    def matcher(self, **grammar: Any) -> GrammarMatcher:
        return self.compiler.compile(cast(Grammar, grammar))

    def write(self, seed: int, temperature: float, **grammar: Any) -> str:
        matcher = self.matcher(**grammar)
        json = "json_schema" in grammar
        tokens = self.author.write(matcher, seed, json=json, temperature=temperature)
        return self.author.text(tokens)

    def follow(self, text: str, **grammar: Any) -> GrammarMatcher | None:
        """Return where a text leads by its own tokens; None where it is not allowed."""
        matcher = self.matcher(**grammar)
        for token in self.author.tokenizer.encode(text, add_special_tokens=False):
            if not matcher.allows(token):
                return None
            matcher.accept(token)
        return matcher


@pytest.fixture(scope="module", params=KINDS, ids=lambda one: one.__name__)
def house(request: pytest.FixtureRequest) -> House:
    return House(request.param())


@pytest.fixture(scope="module")
def embedded() -> House:
    return House(tokens.embedded())


names = st.sampled_from(["a", "b", "name", "größe", 'say "hi"', "日本", ""])
scalars = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("ab é\n😀\\", max_size=4)


def _object(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], wanted: list[str], others: Any) -> dict[str, Any]:
        required = [name for name in properties if name in wanted]
        schema = {"type": "object", "properties": properties, "required": required}
        return schema if others is None else {**schema, "additionalProperties": others}

    properties = st.dictionaries(names, values, max_size=3)
    others = st.just(False) | st.none() | values
    return st.builds(build, properties, st.lists(names), others)


def _array(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(items: Any, least: int, more: int) -> dict[str, Any]:
        return {"type": "array", "items": items, "minItems": least, "maxItems": least + more}

    return st.builds(build, values, st.integers(0, 2), st.integers(0, 2))


schemas = st.recursive(
    st.sampled_from(
        [
            {"type": "null"},
            {"type": "boolean"},
            {"type": "integer"},
            {"type": "integer", "minimum": -3, "maximum": 120},
            {"type": "number"},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1.5},
            {"type": "string"},
            {"type": "string", "minLength": 2, "maxLength": 5},
            {"type": "string", "pattern": "^[a-c]{2,4}-\\d+$"},
            {"type": ["string", "null"]},
            {"$ref": "#/$defs/leaf"},
        ]
    )
    | st.builds(lambda one: {"enum": one}, st.lists(scalars, min_size=1, max_size=3))
    | st.builds(lambda one: {"const": one}, scalars),
    lambda values: (
        _object(values)
        | _array(values)
        | st.builds(lambda one: {"anyOf": one}, st.lists(values, min_size=1, max_size=2))
    ),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(schema=schemas, seed=st.integers(0, 10**6), temperature=Warmth)
def test_a_reply_fits_its_schema(
    house: House, schema: dict[str, Any], seed: int, temperature: float
) -> None:
    schema = {**schema, "$defs": {"leaf": {"type": "integer", "enum": [1, 22]}}}
    text = house.write(seed, temperature, json_schema=schema)
    jsonschema.validate(json.loads(text), schema)
    text.encode()


def test_an_empty_schema_is_any_value(house: House) -> None:
    for text in ("1", "null", '"é"', "[]", '{"a": [1, {}]}'):
        assert house.follow(text, json_schema={}) is not None
    assert house.follow("nul1", json_schema={}) is None
    for seed in range(5):
        json.loads(house.write(seed, 1.0, json_schema={}))


def test_a_value_may_hold_itself(house: House) -> None:
    tree = {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}
    for seed in range(10):
        jsonschema.validate(json.loads(house.write(seed, 1.0, json_schema=tree)), tree)


def test_json_is_written_lean(house: House) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array"}}, "required": ["a"]}
    for text in ('{"a":[1,2]}', '{"a": [1, 2]}'):
        end = house.follow(text, json_schema=schema)
        assert end is not None and end.ended
    for text in ('{ "a"', '{"a" ', '{"a":  ', '{"a":\n', '{"a": [1 ', "\n"):
        assert house.follow(text, json_schema=schema) is None


def test_every_character_can_be_written_as_it_is_or_escaped(embedded: House) -> None:
    for text in ('"é😀"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\n\\"\\\\"', '"\\u0000"'):
        end = embedded.follow(text, json_schema={"type": "string"})
        assert end is not None and end.ended
    for text in ('"\\ud83d"', '"\n"', '"\\x"'):
        assert embedded.follow(text, json_schema={"type": "string"}) is None


def test_an_unknown_format_is_a_remark(embedded: House) -> None:
    schema = {
        "type": "object",
        "properties": {"format": {"type": "string", "format": "path"}, "k": {"const": 1}},
        "required": ["format", "k"],
        "examples": [{"format": "x"}],
    }
    assert embedded.follow('{"format": "/a", "k": 1}', json_schema=schema)
    value = {"enum": [{"format": "path"}]}
    assert embedded.follow('{"format": "path"}', json_schema=value)
    assert not embedded.follow("{}", json_schema=value)
    assert not embedded.follow('"x', json_schema={"type": "string", "format": "date"})


classes = st.sampled_from(["[a-c]", r"\d", ".", "(?:x|yz)", "[^a-z]", "é", "日本|a"])
literals = st.text('ab/"\\ .*{é#-', min_size=1, max_size=4).map(re.escape)
patterns = st.recursive(
    classes | literals,
    lambda parts: (
        st.builds(lambda one, two: one + two, parts, parts)
        | st.builds(lambda one, two: f"(?:{one}|{two})", parts, parts)
        | st.builds(
            lambda one, times: f"(?:{one}){times}", parts, st.sampled_from(["?", "{0,2}", "{2}"])
        )
        | st.builds(lambda one: f"({one}){{1,3}}", parts)
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(pattern=patterns, seed=st.integers(0, 10**6), temperature=Warmth)
def test_a_reply_matches_its_regex(
    house: House, pattern: str, seed: int, temperature: float
) -> None:
    text = house.write(seed, temperature, regex=f"(?:{pattern})")
    assert re.fullmatch(pattern, text), text


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text('ab "\\/\né日😀\x00', max_size=6), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
    temperature=Warmth,
)
def test_a_reply_is_one_of_its_choices(
    house: House, texts: list[str], seed: int, temperature: float
) -> None:
    assert house.write(seed, temperature, choice=texts) in texts


def test_every_choice_can_come(house: House) -> None:
    texts = ["yes", "no", "not at all", "ja 日"]
    assert {house.write(seed, 5.0, choice=texts) for seed in range(60)} == set(texts)


def test_the_end_is_allowed_exactly_where_the_reply_may_end() -> None:
    tokenizer = tokens.embedded()
    house = House(tokenizer)
    house.compiler = Compiler(tokenizer, ends=[0, 2])
    for text, may_end in (("", False), ("a", True), ("ab", True)):
        matcher = house.follow(text, regex="ab?")
        assert matcher is not None
        logits = torch.zeros(house.author.size)
        matcher.mask(logits)
        assert [matcher.allows(one) for one in (0, 1, 2)] == [may_end, False, may_end]
        assert logits.isfinite()[:3].tolist() == [may_end, False, may_end]
        assert matcher.ended is (text == "ab")


def test_a_mask_holds_what_is_allowed(house: House) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "é", 12]}}, "required": ["a"]}
    matcher = house.matcher(json_schema=schema)
    source = torch.Generator().manual_seed(3)
    while not matcher.ended:
        logits = house.author.logits(source)
        matcher.mask(logits)
        allowed = logits.isfinite().tolist()
        assert [matcher.allows(one) for one in range(house.author.size)] == allowed
        matcher.accept(int(logits.argmax()))


def test_a_model_with_more_or_fewer_tokens_than_its_tokenizer_is_masked(house: House) -> None:
    for size in (house.author.size + 100, house.author.size - 20):
        logits = torch.zeros(size)
        house.matcher(choice=["a"]).mask(logits)
        assert logits.isfinite().any() and not logits[house.author.size :].isfinite().any()
    assert not house.matcher(choice=["a"]).allows(house.author.size + 100)


def test_a_copy_goes_its_own_way(house: House) -> None:
    first = house.matcher(choice=["ab", "ba"])
    [a, b] = (house.author.tokenizer.convert_tokens_to_ids(one) for one in "ab")
    first.accept(a)
    second = first.copy()
    first.accept(b)
    assert first.ended and not second.ended
    assert second.allows(b) and not second.allows(a)


def test_a_reply_whose_decoder_leaves_out_a_space_still_has_its_own() -> None:
    house = House(tokens.sentencepiece())
    for seed in range(20):
        assert re.fullmatch(" a+", house.write(seed, 1.0, regex=" a+"))
        assert house.write(seed, 1.0, choice=[" a", "b"]) in (" a", "b")


def test_a_regex_is_for_the_whole_reply(embedded: House) -> None:
    end = embedded.follow("ab", regex="^ab$")
    assert end is not None and end.ended
    assert embedded.follow("xab", regex="ab") is None


def test_letters_are_everybodys_and_digits_those_of_numbers(embedded: House) -> None:
    assert embedded.follow("é日", regex=r"\w+") is not None
    assert embedded.follow("٣", regex=r"\d") is None


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ({}, "given is nothing"),
        ({"regex": "a", "choice": ["b"]}, "given is regex, choice"),
        ({"yaml": "a"}, "given is yaml"),
        ({"choice": []}, "at least one"),
        ({"choice": "ab"}, "list of texts"),
        ({"choice": ["a", 1]}, "list of texts"),
        ({"choice": ["\ud800"]}, "half a character"),
        ({"regex": "\ud800"}, "half a character"),
        ({"regex": 1}, "a regex is a text"),
        ({"regex": "(a"}, "unclosed group"),
        ({"regex": "a(?=b)"}, "look-around"),
        ({"regex": r"(a)\1"}, "backreferences"),
        ({"json_schema": False}, "a JSON schema is an object"),
        ({"json_schema": {"const": {1, 2}}}, "no JSON"),
        ({"json_schema": {"const": float("nan")}}, "no JSON"),
        ({"json_schema": {"const": "\ud800"}}, "hex escape"),
        ({"json_schema": {"type": "text"}}, "Invalid type: text"),
        ({"json_schema": {"not": {}}}, 'Unimplemented keys: \\["not"\\]'),
        ({"json_schema": {"enum": []}}, "Unsatisfiable"),
        ({"json_schema": {"type": "string", "pattern": "["}}, "unclosed character class"),
        ({"json_schema": {"$ref": "#/$defs/none"}}, "does not exist"),
        ({"json_schema": {"$ref": "https://example.org/schema"}}, "not present"),
        ({"choice": ["a" * LONGEST]}, "longer than"),
        ({"json_schema": {"enum": ["a" * LONGEST]}}, "longer than"),
        ({"regex": "(" * 2000 + ")" * 2000}, "cannot be compiled"),
    ],
    ids=range(25),
)
def test_what_cannot_be_compiled_is_named(
    embedded: House, grammar: dict[str, Any], reason: str
) -> None:
    for _ in range(2):  # also where the answer is known
        with pytest.raises(InvalidArgument, match=reason):
            embedded.matcher(**grammar)


def test_a_schema_nested_without_end_is_refused(embedded: House) -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"items": schema}
    with pytest.raises(InvalidArgument, match="no JSON"):
        embedded.matcher(json_schema=schema)
    while "items" in schema:  # taken apart, as its end would overflow the stack
        schema = schema.pop("items")


def test_a_loop_of_references_does_no_harm(embedded: House) -> None:
    loop = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    with pytest.raises(InvalidArgument):
        embedded.write(0, 0.0, json_schema=loop)


SLOW = {
    "patterns": {"allOf": [{"type": "string", "pattern": f"a{n}.*b{n}"} for n in range(30)]},
    "remainders": {"type": "integer", "multipleOf": 999_983},
    "properties": {"properties": {f"p{n}": {} for n in range(8000)}},
}


def test_a_grammar_is_compiled_in_bounded_time(embedded: House) -> None:
    with pytest.raises(InvalidArgument, match="too much time"):
        embedded.matcher(json_schema=SLOW["patterns"])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_whatever_would_take_long_is_refused(embedded: House, name: str) -> None:
    with pytest.raises(InvalidArgument, match="too much time"):
        embedded.matcher(json_schema=SLOW[name])


def test_what_only_looks_slow_is_compiled(embedded: House) -> None:
    dates = {f"on{n}": {"type": "string", "format": "date"} for n in range(5)}
    schema = {"type": "object", "properties": {**dates, "n": {"multipleOf": 0.5}}}
    assert trial.doubtful(json.dumps(schema))
    json.loads(embedded.write(1, 1.0, json_schema=schema))


def test_a_grammar_that_grows_too_complex_ends_its_reply_alone(embedded: House) -> None:
    grammar = {"regex": "(a|b)*a(a|b){300}(x{1,40}|y{2,50}){9}"}
    bad = embedded.matcher(**grammar)
    chance = random.Random(1)
    letters = embedded.author.tokenizer.convert_tokens_to_ids(["a", "b"])
    with pytest.raises(InvalidArgument, match="cannot go on"):
        for _ in range(100_000):
            bad.mask(torch.zeros(embedded.author.size))
            bad.accept(chance.choice(letters))
    for _ in range(2):
        with pytest.raises(InvalidArgument):
            bad.mask(torch.zeros(embedded.author.size))
        with pytest.raises(InvalidArgument):
            bad.allows(letters[0])
    assert embedded.matcher(**grammar).allows(letters[0])


def test_what_was_compiled_is_kept_but_not_for_ever(embedded: House) -> None:
    compiler = embedded.compiler
    for number in range(KEPT + 5):
        embedded.matcher(choice=[str(number)])
    kept = compiler._grammars.keys()
    embedded.matcher(choice=["9"])
    assert len(kept) == KEPT and set(compiler._grammars.keys()) == set(kept)
    assert '"9"' in compiler._grammars.keys()[-1]
