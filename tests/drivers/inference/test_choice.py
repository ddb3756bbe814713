"""What a person has chosen outlives restarts and crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.drivers.inference.choice import Choice, Memo

REMOTE = Choice(target="openai:http://there/v1", name="m", key="secret")


def test_a_choice_is_read_back(tmp_path: Path) -> None:
    assert Memo(tmp_path).read() == []
    Memo(tmp_path).write([REMOTE])
    assert Memo(tmp_path).read() == [REMOTE]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.json", "model.key"]


def test_a_key_is_its_owners_alone_and_never_shown(tmp_path: Path) -> None:
    Memo(tmp_path).write([REMOTE])
    assert (tmp_path / "model.key").stat().st_mode & 0o777 == 0o600
    assert "secret" not in (tmp_path / "model.json").read_text()
    assert "secret" not in repr(REMOTE)


def test_a_choice_without_a_key_takes_the_old_one_away(tmp_path: Path) -> None:
    Memo(tmp_path).write([REMOTE])
    Memo(tmp_path).write([Choice(target="embedded")])
    assert [one.name for one in tmp_path.iterdir()] == ["model.json"]


def test_a_key_is_not_given_to_another_endpoint(tmp_path: Path) -> None:
    Memo(tmp_path).write([REMOTE])
    (tmp_path / "model.json").write_text('{"models": [{"target": "openai:http://elsewhere/v1"}]}')
    assert Memo(tmp_path).read() == [Choice(target="openai:http://elsewhere/v1")]


@pytest.mark.parametrize(
    "content",
    [
        '{"models": [{"target": "emb',
        "[]",
        "{}",
        '{"models": []}',
        '{"models": [{"target": 1}]}',
        '{"models": [{"target": "x"}, {"target": "x", "name": 2}]}',
        "",
    ],
)
def test_a_damaged_file_counts_as_nothing_chosen(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    assert Memo(tmp_path).read() == []
    (tmp_path / "model.json").write_bytes(b"\xff\xfe")
    assert Memo(tmp_path).read() == []


def test_several_choices_are_read_back_in_their_order(tmp_path: Path) -> None:
    several = [Choice(target="embedded"), REMOTE, Choice(target="openai:http://b/v1", key="other")]
    Memo(tmp_path).write(several)
    assert Memo(tmp_path).read() == several


def test_a_damaged_key_is_no_key(tmp_path: Path) -> None:
    Memo(tmp_path).write([REMOTE])
    (tmp_path / "model.key").write_text('{"target": "openai:http://there/v1", "key": [')
    assert Memo(tmp_path).read() == [Choice(target=REMOTE.target, name="m")]


def test_a_password_in_the_target_is_kept_and_not_shown(tmp_path: Path) -> None:
    choice = Choice(target="openai:http://me:hidden@there/v1", name="m")
    Memo(tmp_path).write([choice])
    assert (tmp_path / "model.json").stat().st_mode & 0o777 == 0o600
    assert Memo(tmp_path).read() == [choice]
    assert choice.label == "openai:http://there/v1"
