"""JSON, JSON lines and TOML."""

from __future__ import annotations

import json

import pytest

from llmagentos.syscalls.codec import pack

from .conftest import See


def test_facts_stand_under_the_names_above_them(see: See) -> None:
    found = see(
        json.dumps(
            {
                "name": "Norvik", "staff": 4, "tags": ["a", "b"],
                "people": [{"name": "Ada", "skills": ["x"]}, {"name": "Bob", "age": 3}],
                "site": {"city": "Oslo", "rooms": {"count": 2, "names": []}},
            }
        ),
        "a.json",
    )  # fmt: skip
    assert list(zip(found.texts, found.places, strict=True))[:2] == [
        ("name: Norvik\nstaff: 4", ""),
        ("- a\n- b", "section tags"),
    ]
    table = found.observations[2]
    assert table.rows == [["name", "skills", "age"], ["Ada", '["x"]', ""], ["Bob", "", "3"]]
    assert str(table.place) == "section people, row 1"
    assert found.texts[3:] == ["city: Oslo", "count: 2\nnames: []"]
    assert found.places[4] == "section site > rooms"


def test_lines_of_objects_are_a_table(see: See) -> None:
    (one,) = see('{"a": 1}\n\n{"a": 2, "b": null}\n', "a.jsonl").observations
    assert one.rows == [["a", "b"], ["1", ""], ["2", "null"]]


def test_rows_of_values_are_a_table(see: See) -> None:
    (one,) = see("[[1, 2], [3]]", "a.json").observations
    assert one.rows == [["column 1", "column 2"], ["1", "2"], ["3"]]


def test_toml_is_read(see: See) -> None:
    found = see('title = "x"\n[[user]]\nname = "Ada"\nborn = 1815-12-10\n', "a.toml")
    assert found.texts[0] == "title: x"
    assert found.observations[1].rows == [["name", "born"], ["Ada", '"1815-12-10"']]


@pytest.mark.parametrize("text", ["42", '"word"', "null", "[]", "{}"])
def test_single_value_is_a_text(see: See, text: str) -> None:
    assert len(see(text, "a.json").observations) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"),
        ("a.json", "[" * 100_000 + "]" * 100_000),
        ("a.json", '{"a":' * 100_000),
        ("a.json", "1" * 100_000),
        ("a.jsonl", '{"a": 1}\n{"a": \n'),
        ("a.toml", "a = "),
        ("a.toml", "a = " + "[" * 100_000),
    ],
)
def test_damaged_or_endless_one_is_refused(see: See, name: str, text: str) -> None:
    found = see(text, name)
    assert found.error is not None and found.error[0] == "EINVAL"


def test_deep_values_are_shown_as_they_are_written(see: See) -> None:
    found = see('{"a":' * 300 + "1" + "}" * 300, "a.json")
    assert len(found.observations) == 1 and found.texts[0].startswith('{"a": {"a"')


def test_halves_of_characters_can_be_sent(see: See) -> None:
    text = '{"a\\ud800": [{"b\\udfff": "\\ud83d"}], "c": "\\ud83d", "\\ud800": {"d": 1}}'
    found = see(text, "a.json")
    assert found.error is None and len(found.observations) == 3
    pack([found.observations, found.missing, found.about])
