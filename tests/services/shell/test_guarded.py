"""`aos doctor` tells an owner what is open, and what to do about it."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.services.shell.commands import guarded
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.rights import PolicyInfo
from llmagentos.syscalls.system import TokenInfo


def results(found: Any) -> dict[str, tuple[str, str]]:
    return {check: (result, detail) for check, result, detail in found}


def token(name: str, **more: Any) -> TokenInfo:
    known = {"principal": "ada", "capabilities": [], "budget": {}, "created": 0.0, "expires": None}
    return TokenInfo(id=name, name=name, **{**known, **more})


def policy(**more: Any) -> PolicyInfo:
    return PolicyInfo(**{"files": [], "roles": {}, "principals": {}, "agents": [], **more})


def said(tokens: list[TokenInfo], of: PolicyInfo) -> dict[str, tuple[str, str]]:
    async def token_ls() -> list[TokenInfo]:
        return tokens

    async def told() -> PolicyInfo:
        return of

    os = SimpleNamespace(
        system=SimpleNamespace(token_ls=token_ls), rights=SimpleNamespace(policy=told)
    )
    return results(asyncio.run(guarded.daemon(cast(OS, os))))


@pytest.mark.parametrize(("mode", "result"), [(0o700, "ok"), (0o750, "fail"), (0o704, "fail")])
def test_state_that_others_may_look_into_is_named(tmp_path: Path, mode: int, result: str) -> None:
    tmp_path.chmod(mode)
    found = results(guarded.machine(tmp_path))["privacy"]
    assert found[0] == result and (result == "ok" or f"chmod 700 {tmp_path}" in found[1])
    assert "privacy" not in results(guarded.machine(tmp_path / "absent"))


def test_bubblewrap_that_is_missing_or_does_not_work_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded.shutil, "which", lambda name: None)
    assert results(guarded.machine(tmp_path))["bubblewrap"][0] == "warn"
    monkeypatch.setattr(guarded.shutil, "which", lambda name: "/bin/bwrap")
    answers = iter([(1, "bwrap: No permissions to create a namespace"), (0, "")])

    def ran(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        code, error = next(answers)
        return subprocess.CompletedProcess([], code, "", error)

    monkeypatch.setattr(guarded.subprocess, "run", ran)
    assert "No permissions" in results(guarded.machine(tmp_path))["bubblewrap"][1]
    assert results(guarded.machine(tmp_path))["bubblewrap"][0] == "ok"


def test_tokens_that_never_expire_are_counted_and_those_that_have_ended_not() -> None:
    ended = [token("old", expires=1.0), token("gone", revoked=True)]
    assert said([*ended, token("x", expires=9e12)], policy())["tokens"] == (
        "ok", "1, and each expires",
    )  # fmt: skip
    assert said(ended, policy())["tokens"] == ("ok", "none")
    result, detail = said([*ended, *(token(f"t{n}") for n in range(9))], policy())["tokens"]
    assert result == "warn" and detail.startswith("9 of 9 never expire: t0, ")


@pytest.mark.parametrize(
    ("roles", "principals", "result", "words"),
    [
        ({"r": {"capabilities": ["a.b"]}}, {"bob": {"roles": ["r"]}}, "ok", "1 principal,"),
        ({"r": {"capabilities": ["*"]}}, {"bob": {"roles": ["r"]}}, "warn", "role r holds"),
        ({}, {"bob": {"roles": []}}, "warn", "bob may do nothing"),
    ],
)
def test_policy_that_gives_all_or_nothing_is_told(
    roles: Any, principals: Any, result: str, words: str
) -> None:
    found = said([], policy(files=["/p"], roles=roles, principals=principals))["policy"]
    assert found[0] == result and words in found[1]


def test_layer_that_is_not_there_is_told_with_how_to_demand_it() -> None:
    found = results(guarded.layers({"landlock": "unavailable", "cgroup": "unavailable",
                                    "netns": "enforced"}))  # fmt: skip
    assert found["sandbox landlock"][0] == "warn"
    assert 'landlock = "required"' in found["sandbox landlock"][1]
    assert "delegated" in found["sandbox cgroup"][1]
    assert found["sandbox cgroup"][0] == found["sandbox netns"][0] == "ok"
