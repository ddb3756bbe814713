"""What a principal has spent counts for good, whichever way it was spent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from llmagentos.kernel.rights.principals import Principals
from llmagentos.kernel.rights.spending import Spending
from llmagentos.syscalls.errors import InputOutputError, QuotaExceeded

POLICY = """
[roles.reader]
capabilities = ["memory.*"]
budget = { tokens = 10 }
[principals.alice]
roles = ["reader"]
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def nothing(principal: str) -> dict[str, float]:
    return {}


def spend(principals: Principals, **costs: float) -> None:
    purse = principals.purse("alice")
    assert purse is not None
    purse.spend(costs)


def test_next_daemon_begins_with_what_was_spent(policy: Path, tmp_path: Path) -> None:
    file = tmp_path / "spent.json"

    async def day(tokens: float) -> Principals:
        principals = Principals("ada", [policy])
        async with Spending(file, principals, nothing):
            spend(principals, tokens=tokens)
        return principals

    asyncio.run(day(4))
    principals = asyncio.run(day(6))
    assert principals.spent("alice") == {"tokens": 10} and file.stat().st_mode & 0o777 == 0o600
    purse = principals.purse("alice")
    assert purse is not None
    with pytest.raises(QuotaExceeded):
        purse.reserve({"tokens": 1})


def test_killed_daemon_has_written_it_down_before(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmagentos.kernel.rights.spending.EVERY", 0)
    file = tmp_path / "spent.json"

    async def work() -> None:
        principals = Principals("ada", [policy])
        async with Spending(file, principals, nothing):
            spend(principals, money=2)
            while not file.exists():  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert json.loads(file.read_text()) == {"alice": {"money": 2.0}}

    asyncio.run(work())


def test_tokens_of_before_tell_where_the_file_does_not(policy: Path, tmp_path: Path) -> None:
    principals = Principals("ada", [policy])
    spending = Spending(tmp_path / "spent.json", principals, lambda name: {"tokens": 7.0})
    spending.note()
    again = Principals("ada", [policy])
    Spending(tmp_path / "spent.json", again, lambda name: {"tokens": 9.0})
    assert again.spent("alice") == {"tokens": 7}


def test_principal_that_a_new_policy_names_has_spent_what_it_has(
    policy: Path, tmp_path: Path
) -> None:
    file = tmp_path / "spent.json"
    file.write_text('{"bob": {"tokens": 3.0}}')
    principals = Principals("ada", [policy])
    spending = Spending(file, principals, nothing)
    policy.write_text(POLICY + '[principals.bob]\nroles = ["reader"]\n')
    principals.reload()
    principals.reload()
    assert principals.spent("bob") == {"tokens": 3}
    spend(principals, tokens=1)
    spending.note()
    kept = json.loads(file.read_text())
    assert kept == {"alice": {"tokens": 1}, "bob": {"tokens": 3}}


def test_nothing_is_written_where_nobody_has_spent(policy: Path, tmp_path: Path) -> None:
    file = tmp_path / "spent.json"
    Spending(file, Principals("ada", [policy]), nothing).note()
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"alice": 3}', '{"alice": {"tokens": "x"}}'])
def test_file_that_cannot_be_read_refuses_the_start(
    policy: Path, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "spent.json"
    file.write_text(text)
    with pytest.raises(InputOutputError, match=r"spent\.json"):
        Spending(file, Principals("ada", [policy]), nothing)


def test_disk_that_refuses_is_asked_again(policy: Path, tmp_path: Path) -> None:
    principals = Principals("ada", [policy])
    folder = tmp_path / "later"
    spending = Spending(folder / "spent.json", principals, nothing)
    spend(principals, tokens=1)
    spending.note()
    folder.mkdir()
    spending.note()
    assert (folder / "spent.json").exists()
