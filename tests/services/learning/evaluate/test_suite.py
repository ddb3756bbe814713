"""Suites: what a file of tasks may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmagentos.services.learning.embedded.cases import cases
from llmagentos.services.learning.evaluate.suite import Suite
from llmagentos.syscalls.errors import InvalidArgument


def written(folder: Path, *lines: str) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_tasks_are_read_in_their_order(tmp_path: Path) -> None:
    first = {"id": "a", "task": "What is 1 plus 2?", "kind": "sum", "expect": {"answer": "3"}}
    second = {"id": "b", "task": "Forget x.", "memory": {"x": "1"}, "expect": {"memory": {}}}
    path = written(tmp_path, json.dumps(first), "", json.dumps(second))
    suite = Suite.read(path)
    assert suite.name == "tasks"
    assert [one.id for one in suite.cases] == ["a", "b"]
    assert suite.cases[0].expect.memory is None
    assert suite.cases[1].expect.memory == {}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "has no tasks"),
        (("", " "), "has no tasks"),
        (("{",), "line 1: Invalid JSON"),
        (("[]",), "line 1"),
        (('{"id": "a", "task": "x"}', '{"id": "a", "task": "y"}'), "line 2: the id a is that of"),
        (('{"id": "a", "task": "x", "hint": 1}',), "line 1: hint: Extra"),
        (('{"id": "a", "task": ""}',), "line 1: task"),
        (('{"id": "a"}',), "line 1: task: Field required"),
        (('{"id": "a", "task": "x", "memory": {"k": 1}}',), "line 1: memory.k"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=r"tasks\.jsonl") as caught:
        Suite.read(written(tmp_path, *lines))
    assert said in caught.value.message


def test_a_suite_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"id": "a", "task": "\xff\xfe"}')
    with pytest.raises(InvalidArgument, match="line 1"):
        Suite.read(path)
    with pytest.raises(InvalidArgument, match="No such file"):
        Suite.read(tmp_path / "none.jsonl")


def test_generated_tasks_are_a_suite_and_no_seed_has_those_of_another(tmp_path: Path) -> None:
    path = written(tmp_path, *map(json.dumps, cases(50, 1)))
    suite = Suite.read(path)
    assert len(suite.cases) == 50
    assert all("clock" not in (one.expect.answer or "") for one in suite.cases)
    ours, others = ({one["task"] for one in cases(50, seed)} for seed in (1, 2))
    assert len(ours & others) < 5
    assert cases(50, 1) == cases(50, 1)
