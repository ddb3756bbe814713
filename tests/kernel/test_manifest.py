"""An agent's file says what the kernel is asked for; a bad one is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmagentos.kernel.manifest import MOST, Declared, declared
from llmagentos.syscalls.errors import InvalidArgument


def test_name_rights_and_budget_are_read_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(
        "name = 'clerk'\ncapabilities = ['memory.*', 'tool.call:calculator']\n"
        "goal = 'count'\n[budget]\ntokens = 500\n[anything]\nelse = 1\n"
    )
    said = declared(path)
    assert (said.name, said.budget) == ("clerk", {"tokens": 500})
    assert said.capabilities is not None
    assert [str(one) for one in said.capabilities] == ["memory.*", "tool.call:calculator"]


def test_file_may_name_what_runs_it(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text("runtime = 'learn'\n")
    assert declared(path).runtime == "learn"


def test_file_may_have_a_person_asked_of_effects_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("durable = true\nin_doubt = 'ask'\n")
    said = declared(path)
    assert (said.durable, said.in_doubt) == (True, "ask")


def test_file_that_says_nothing_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("goal = 'rest'\n")
    assert declared(path) == Declared(name=None, capabilities=None, budget={})


def test_empty_list_of_rights_is_no_right_and_not_the_usual_ones(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("capabilities = []\n")
    held = declared(path).capabilities
    assert held is not None and list(held) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("name = 7", "name"),
        ("runtime = 7", "runtime"),
        ("capabilities = 'memory.*'", "capabilities"),
        ("capabilities = ['memory.*', 7]", "capabilities"),
        ("budget = 500", "budget"),
        ("in_doubt = 'perhaps'", "in_doubt"),
        ("goal = ?", "line 1"),
        pytest.param(
            "capabilities = ['Memory!']",
            "Memory!",
        ),
        pytest.param(
            "budget = {tokens = 'many'}",
            "budget",
        ),
        pytest.param(
            f"goal = {'[' * 2000}{']' * 2000}",
            "",
        ),
    ],
    ids=[
        "name",
        "runtime",
        "text",
        "number",
        "budget",
        "doubt",
        "syntax",
        "capability",
        "amount",
        "deep",
    ],
)
def test_bad_file_is_refused_by_name_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    with pytest.raises(InvalidArgument) as refusal:
        declared(path)
    assert refusal.value.message.startswith("agent.toml: ") and key in refusal.value.message


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "agent.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"agent\.toml"):
        declared(path)


def test_what_is_put_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    os.mkfifo(path)
    with pytest.raises(InvalidArgument, match="no file"):
        declared(path)
    path.unlink()
    path.write_text("# " + "x" * MOST)
    with pytest.raises(InvalidArgument, match="more than"):
        declared(path)


def test_file_asks_for_no_more_capabilities_than_every_call_can_be_held_against(
    tmp_path: Path,
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(f"capabilities = {['memory.get'] * 300}")
    with pytest.raises(InvalidArgument, match="more than 256"):
        declared(path)
