"""Lines that are no good are named by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning.finetune.dialogues import Dialogue
from llmagentos.services.learning.finetune.prefer import Pair
from llmagentos.services.learning.finetune.rows import Row, rows
from llmagentos.syscalls.errors import InvalidArgument


class Named(Row):
    name: str
    age: int = 0


def test_lines_are_read_in_order_and_blank_ones_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"name": "Ada", "more": 1}\n\n{"name": "Bob", "years": 4}')
    assert [one.name for one in rows(tmp_path, ["a.jsonl"], Named)] == ["Ada", "Bob"]
    assert rows(tmp_path, ["a.jsonl"], Named, {"age": "years"})[1].age == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"name": "Ada"}\n{"name": ', "a.jsonl:2: no JSON in UTF-8"),
        (b'{"name": "\xff"}', "a.jsonl:1: no JSON in UTF-8"),
        (b"[" * 100_000, "a.jsonl:1: no JSON"),
        (b"[1]", "a.jsonl:1: an object is wanted, not list"),
        (b'{"age": 1}', "a.jsonl:1: name: Field required"),
        (b"\n\n", "a.jsonl holds no line"),
        (b"", "a.jsonl holds no line"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InvalidArgument, match=message):
        rows(tmp_path, ["a.jsonl"], Named)


@pytest.mark.parametrize("name", ["../a.jsonl", "/etc/passwd", "", "missing.jsonl", "."])
def test_a_file_that_is_not_below_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgument, match="data: "):
        rows(tmp_path, [name], Named)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagentos.services.learning.finetune.rows.LONGEST", 10)
    (tmp_path / "a.jsonl").write_text('{"name": "Ada Lovelace"}')
    with pytest.raises(InvalidArgument, match="a line of more than 10 bytes"):
        rows(tmp_path, ["a.jsonl"], Named)


USER: dict[str, Any] = {"role": "user", "content": "hi"}
BROKEN = {"function": {"name": "put", "arguments": "{"}}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": [USER]}, "no message of the assistant's to learn"),
        ({"messages": [{"role": "boss", "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "a function with a name"),
        ({"messages": [{"role": "assistant", "tool_calls": [BROKEN]}]}, "tool_calls"),
    ],
)
def test_a_dialogue_with_nothing_to_learn_is_refused(row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dialogue.model_validate(row)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "what is chosen is what is rejected"),
        ({"prompt": [], "chosen": "b", "rejected": "c"}, "a message is wanted"),
        ({"prompt": "a", "chosen": [USER], "rejected": "c"}, "chosen: there is no message"),
        ({"prompt": "a", "chosen": "b"}, "rejected"),
    ],
)
def test_a_pair_with_nothing_to_prefer_is_refused(row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pair.model_validate(row)
