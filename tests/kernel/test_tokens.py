"""A token's secret is known once, found by its digest, and ends when it is told to."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel import tokens as tokens_module
from llmagentos.kernel.tokens import LISTED, LONGEST, PREFIX, TokenStore
from llmagentos.syscalls.errors import (
    InputOutputError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)
from llmagentos.syscalls.system import NewToken


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def create(store: TokenStore, **given: Any) -> NewToken:
    usual: dict[str, Any] = {
        "name": "laptop",
        "principal": "ada",
        "capabilities": ["memory.*"],
        "budget": {"tokens": 5.0},
        "expires_in": None,
    }
    return store.create(**{**usual, **given})


def test_token_is_found_by_its_secret_after_a_restart_too(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    made = create(TokenStore(path, Clock()))
    assert made.secret.startswith(PREFIX) and len(made.secret) > 40
    assert TokenStore(path, Clock()).find(made.secret).info == made.info
    assert (made.info.capabilities, made.info.budget) == (["memory.*"], {"tokens": 5.0})


def test_file_is_its_owners_alone_and_holds_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    old = os.umask(0)
    try:
        made = create(TokenStore(path))
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert made.secret not in path.read_text()
    assert made.secret.removeprefix(PREFIX) not in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["tokens.json"]


def test_secrets_and_ids_differ(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    made = [create(store) for _ in range(20)]
    assert len({one.secret for one in made}) == len({one.info.id for one in made}) == 20


@pytest.mark.parametrize("secret", ["", "aos_", "aos_" + "x" * 43, "größe", "\ud800", "\0"])
def test_unknown_secret_is_refused(tmp_path: Path, secret: str) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    create(store)
    with pytest.raises(PermissionDenied, match="unknown, expired or revoked"):
        store.find(secret)


def test_token_ends_at_its_time_and_every_refusal_reads_the_same(tmp_path: Path) -> None:
    clock = Clock()
    store = TokenStore(tmp_path / "tokens.json", clock)
    short, revoked = create(store, expires_in=60), create(store)
    clock.now += 59
    assert store.find(short.secret).info == short.info
    clock.now += 1
    store.revoke("ada", revoked.info.id)
    refusals = []
    for secret in (short.secret, revoked.secret, "aos_unknown"):
        with pytest.raises(PermissionDenied) as refusal:
            store.find(secret)
        refusals.append(str(refusal.value))
    assert len(set(refusals)) == 1


def test_revoked_token_stays_revoked_after_a_restart_and_is_still_listed(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    store = TokenStore(path)
    made = create(store)
    store.revoke("ada", made.info.id)
    again = TokenStore(path)
    with pytest.raises(PermissionDenied):
        again.find(made.secret)
    assert [one.revoked for one in again.ls("ada")] == [True]


def test_nobody_revokes_or_lists_anothers_token(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    made = create(store)
    for principal, id in (("bob", made.info.id), ("ada", "no-such-id")):
        with pytest.raises(NotFound):
            store.revoke(principal, id)
    assert store.ls("bob") == [] and store.find(made.secret).info == made.info


def test_tokens_are_listed_from_the_oldest_on(tmp_path: Path) -> None:
    clock = Clock()
    store = TokenStore(tmp_path / "tokens.json", clock)
    for name in ("c", "a", "b"):
        clock.now += 1
        create(store, name=name)
    assert [one.name for one in store.ls("ada")] == ["c", "a", "b"]


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"expires_in": 0},
        {"expires_in": -1.5},
        {"expires_in": math.nan},
        {"expires_in": LONGEST + 1},
        {"expires_in": math.inf},
    ],
    ids=["empty", "long", "now", "past", "nan", "far", "never"],
)
def test_bad_token_is_refused_and_nothing_is_kept(tmp_path: Path, given: dict[str, Any]) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    with pytest.raises(InvalidArgument):
        create(store, **given)
    assert store.ls("ada") == [] and not (tmp_path / "tokens.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"7", b"null", b'{"digest": 7}', b'{"digest": {"id": "a"}}', b"\xff",
        b'{"digest": {"colour": "blue"}}',
    ],
)  # fmt: skip
def test_corrupt_file_is_refused_by_name_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"tokens\.json holds no tokens"):
        TokenStore(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("field", [{"expires": "soon"}, {"revoked": "no"}, {"capabilities": 7}])
def test_token_with_a_field_of_another_type_is_refused(
    tmp_path: Path, field: dict[str, Any]
) -> None:
    path = tmp_path / "tokens.json"
    create(TokenStore(path))
    ((digest, token),) = json.loads(path.read_text()).items()
    path.write_text(json.dumps({digest: token | field}))
    with pytest.raises(InputOutputError):
        TokenStore(path)


def test_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match=tmp_path.name):
        TokenStore(tmp_path)


def test_disk_that_refuses_is_told(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "nowhere/tokens.json")
    with pytest.raises(InputOutputError, match="cannot be saved"):
        create(store)


def test_token_that_could_not_be_saved_does_not_exist(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "nowhere/tokens.json")
    with pytest.raises(InputOutputError):
        create(store)
    assert store.ls("ada") == []


def test_tokens_that_ended_long_ago_are_forgotten_with_all_that_were_made_with_them(
    tmp_path: Path,
) -> None:
    clock, path = Clock(), tmp_path / "tokens.json"
    store = TokenStore(path, clock)
    lasting, revoked, expired = create(store), create(store), create(store, expires_in=60)
    child = create(store, parent=store.find(revoked.secret))
    store.revoke("ada", revoked.info.id)
    clock.now += LISTED - 1
    store = TokenStore(path, clock)
    create(store)
    known = {one.id for one in store.ls("ada")}
    assert {one.info.id for one in (lasting, revoked, child, expired)} <= known
    clock.now += 61
    create(store)
    known = {one.id for one in store.ls("ada")}
    assert lasting.info.id in known and store.find(lasting.secret)
    assert not known & {revoked.info.id, child.info.id, expired.info.id}
    assert len(json.loads(path.read_text())) == 3
    store.note({expired.info.id: {"tokens": 1.0}})


def test_file_holds_a_bounded_number_of_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "ENDED", 3)
    monkeypatch.setattr(tokens_module, "MOST", 5)
    store = TokenStore(tmp_path / "tokens.json", Clock())
    for _ in range(9):
        store.revoke("ada", create(store).info.id)
    made = [create(store) for _ in range(5)]
    assert len(store.ls("ada")) == 8
    with pytest.raises(QuotaExceeded, match="revoke some"):
        create(store)
    create(store, principal="bob")
    store.revoke("ada", made[0].info.id)
    create(store)
    assert [store.find(one.secret).info for one in made[1:]] == [one.info for one in made[1:]]
