"""Secrets are kept for drivers and hidden from everybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmagentos.kernel.rights.secrets import HIDDEN, Redaction, Secrets, used
from llmagentos.syscalls.codec import pack, unpack
from llmagentos.syscalls.errors import InputOutputError, InvalidArgument, NotFound

SECRET = "sk-0123456789"
VALUES = st.recursive(
    st.text(max_size=20) | st.just(f"a {SECRET} b") | st.integers(0, 9) | st.just(SECRET.encode()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def test_secret_is_kept_for_a_later_daemon_in_a_file_of_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    Secrets(path, lambda: 5.0).set("KEY", SECRET)
    assert path.stat().st_mode & 0o777 == 0o600
    later = Secrets(path)
    (info,) = later.ls()
    assert (info.name, info.set) == ("KEY", 5.0)
    assert later.resolve({"a": [{"b": "secret:KEY"}], "c": 1}) == (
        {"a": [{"b": SECRET}], "c": 1}, [SECRET]
    )  # fmt: skip
    assert later.resolve({"a": "Bearer ${secret:KEY}!"}) == ({"a": f"Bearer {SECRET}!"}, [SECRET])
    assert later.redaction.text(f"<{SECRET}>") == f"<{HIDDEN}>"
    later.rm("KEY")
    assert Secrets(path).ls() == []


def test_name_that_is_not_set_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="aos secret set KEY"):
        Secrets(tmp_path / "s").resolve({"key": "secret:KEY"})
    with pytest.raises(NotFound):
        Secrets(tmp_path / "s").rm("KEY")


@pytest.mark.parametrize(("name", "value"), [("../a", SECRET), ("", SECRET), ("a", "short")])
def test_what_can_be_no_secret_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        Secrets(tmp_path / "s").set(name, value)
    assert not (tmp_path / "s").exists()


def test_damaged_file_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(f'{{"a": "{SECRET}"')
    with pytest.raises(InputOutputError) as refusal:
        Secrets(tmp_path / "s")
    assert SECRET not in str(refusal.value)


@given(VALUES)
def test_no_message_holds_a_secret_afterwards_and_others_stay_as_they_are(value: Any) -> None:
    assume(HIDDEN[0] not in str(value))  # What stands for a secret is counted.
    redaction = Redaction()
    redaction.hide([SECRET])
    body = pack(value)
    hidden = redaction.body(body)
    assert SECRET.encode() not in hidden
    if SECRET.encode() not in body:
        assert hidden is body
    else:
        assert str(unpack(hidden)).count(HIDDEN) == str(value).count(SECRET)


def test_names_of_secrets_are_found_in_settings() -> None:
    assert sorted(used({"a": "secret:X", "b": [{"c": "secret:Y"}], "d": "a ${secret:Z} b"})) == [
        "X",
        "Y",
        "Z",
    ]
