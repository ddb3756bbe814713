"""Rights, approvals and forks, as people read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llmagentos.services.shell.commands.rights import line
from llmagentos.syscalls.rights import Audited, PolicyInfo

from .conftest import Aos


def test_audit_says_who_answered_and_not_that_a_denied_call_was_allowed() -> None:
    shown = line(
        Audited(
            time=0.0,
            pid=41,
            principal="ada",
            name="scribe",
            by=None,
            syscall="tool.call",
            subject="shell",
            outcome="EPERM",
            grant="tool.call:shell?",
            reason="tool.call:shell was denied: ask me first",
            approver="ada (session, process 7)",
        )
    )
    assert "was denied: ask me first; answered by ada (session, process 7)" in shown
    assert "allowed" not in shown


def test_policy_is_shown_in_words(aos: Aos) -> None:
    async def policy() -> PolicyInfo:
        return PolicyInfo(
            files=["/etc/policy.toml"],
            roles={"reader": {"capabilities": ["memory.*"], "budget": {"tokens": 1e6}}},
            principals={"alice": {"roles": ["reader"], "socket": True, "spent": {}}},
            agents=[],
        )

    done = aos("policy", "show", system=SimpleNamespace(rights=SimpleNamespace(policy=policy)))
    rows = [shown.split() for shown in done.out.splitlines()]
    assert ["reader", "memory.*", "tokens=1000000"] in rows
    assert ["alice", "reader", "yes", "-"] in rows


def test_nothing_that_waits_is_told_so_and_prints_nothing_for_programs(aos: Aos) -> None:
    async def ls() -> list[Any]:
        return []

    done = aos("approvals", system=SimpleNamespace(approval=SimpleNamespace(ls=ls)))
    assert (done.code, done.out, done.err) == (0, "", "no call waits for an answer\n")


def test_fork_with_a_model_that_runs_nowhere_starts_nothing(aos: Aos) -> None:
    class System:
        def __init__(self) -> None:
            self.forked: list[Any] = []

        async def fork(self, *order: Any) -> int:
            self.forked += order
            return 9

        async def ls(self) -> list[Any]:
            return [SimpleNamespace(name="small", target="openai:http://127.0.0.1/v1")]

    one = System()
    system = SimpleNamespace(process=one, model=one)
    done = aos("fork", "7", "--at", "2", "--model", "large", system=system)
    assert done.code == 1 and one.forked == []
    assert "no device runs the model 'large'; see: aos model ls" in done.err
    assert aos("fork", "7", "--at", "2", "--model", "small", system=system).out == "9\n"
    assert one.forked == [7, 2, "small"]
