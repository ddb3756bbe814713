"""What the policy makes of each process, whenever that was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.kernel.budget import Limits
from llmagentos.kernel.process import Kind, ProcessTable
from llmagentos.kernel.rights.principals import Principals
from llmagentos.syscalls.errors import InvalidArgument, QuotaExceeded

POLICY = """
[roles.reader]
capabilities = ["memory.*"]
budget = { tokens = 10 }
[principals.alice]
roles = ["reader"]
[agents]
limits = ["!memory.put"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def allowed(principals: Principals, principal: str, kind: Kind, name: str) -> bool:
    process = ProcessTable().create(principal=principal, program="x", kind=kind)
    return all(one.free(name) for one in principals.over(process))


def test_people_agents_and_the_owners_programs_are_held_each_in_its_way(file: Path) -> None:
    held = Principals("ada", [file])
    table = [
        ("alice", Kind.SESSION, "memory.put", True),
        ("alice", Kind.SESSION, "model.chat", False),
        ("alice", Kind.AGENT, "memory.put", False),
        ("alice", Kind.AGENT, "memory.get", True),
        ("ada", Kind.SESSION, "model.chat", True),
        ("ada", Kind.AGENT, "memory.put", False),
        ("ada", Kind.AGENT, "model.chat", True),
        ("ada", Kind.DRIVER, "memory.put", True),
        ("ada", Kind.KERNEL, "memory.put", True),
        ("mallory", Kind.SESSION, "memory.get", False),
        ("mallory", Kind.AGENT, "memory.get", False),
    ]
    for principal, kind, name, expected in table:
        assert allowed(held, principal, kind, name) is expected, (principal, kind, name)


def test_without_a_policy_nothing_stands_above_the_owner() -> None:
    held = Principals("ada")
    process = ProcessTable().create(principal="ada", program="x")
    assert held.over(process) == () and held.named("ada") and not held.named("alice")
    assert held.ceiling("ada").whole and held.purse("ada") is None
    with pytest.raises(InvalidArgument, match="no principal 'alice'"):
        held.ceiling("alice")


def test_new_policy_holds_at_once_and_a_bad_one_not_at_all(file: Path) -> None:
    held = Principals("ada", [file])
    told: list[str] = []
    held.on_change.append(lambda: told.append("changed"))
    file.write_text(POLICY.replace('"memory.*"', '"memory.get"'))
    held.reload()
    assert told == ["changed"] and not allowed(held, "alice", Kind.SESSION, "memory.put")
    file.write_text("[roles")
    with pytest.raises(InvalidArgument):
        held.reload()
    assert told == ["changed"] and allowed(held, "alice", Kind.SESSION, "memory.get")
    file.unlink()
    held.reload()
    assert not allowed(held, "alice", Kind.SESSION, "memory.get")


def test_budget_is_one_for_all_sessions_and_changes_with_the_policy(file: Path) -> None:
    held = Principals("ada", [file])
    purse = held.purse("alice")
    assert purse is not None
    one, two = purse.child(Limits({})), purse.child(Limits({"tokens": 100}))
    one.spend({"tokens": 6})
    with pytest.raises(QuotaExceeded):
        two.reserve({"tokens": 5})
    file.write_text(POLICY.replace("tokens = 10", "tokens = 20"))
    held.reload()
    assert held.purse("alice") is purse and two.reserve({"tokens": 5}).open
