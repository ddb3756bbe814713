"""A policy that is wrong is refused by its file, its key and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.kernel.rights.check import main
from llmagentos.kernel.rights.policy import Policy, read, standard_files
from llmagentos.syscalls.errors import InvalidArgument

GOOD = """
[roles.reader]
capabilities = ["model.*", "!model.use"]
budget = { tokens = 100, money = 1.5 }
[roles.writer]
capabilities = ["memory.*"]
budget = { tokens = 500 }
[principals.alice]
roles = ["reader", "writer"]
socket = true
[principals.bob]
roles = []
[agents]
limits = ["!tool.call:http_fetch{untainted}?"]
"""


def written(folder: Path, text: str, name: str = "policy.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_principal_holds_what_its_roles_allow_and_spends_the_larger_of_their_budgets(
    tmp_path: Path,
) -> None:
    policy = read([written(tmp_path, GOOD), tmp_path / "missing.toml"])
    held = policy.ceiling("alice")
    assert held.allows("model.chat") and held.allows("memory.put")
    assert not held.allows("model.use") and not held.allows("tool.call")
    assert policy.budget("alice").bounds == {"tokens": 500, "money": 1.5}
    assert not policy.ceiling("bob").allows("model.chat")
    assert not policy.ceiling("nobody").allows("model.chat")
    assert [str(one) for one in policy.agents] == ["!tool.call:http_fetch{untainted}?"]
    assert policy.files == (tmp_path / "policy.toml",)


def test_nothing_said_is_no_policy(tmp_path: Path) -> None:
    assert read([tmp_path / "missing.toml"]) == Policy()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("roles = 7", "roles: "),
        ("[roles.a]\n", "roles.a.capabilities: Field required"),
        ("[roles.a]\ncapabilities = ['Bad!']\n", "roles.a.capabilities: 'Bad!' is no capability"),
        ("[roles.a]\ncapabilities = []\nbudget = {gold = 1}\n", "roles.a.budget: there is no"),
        ("[roles.a]\ncapabilities = []\ncolour = 1\n", "roles.a.colour"),
        ("[principals.a]\nroles = ['b']\n", "principals.a.roles: there is no role 'b'"),
        ("[principals.'../a']\nroles = []\n", "principals: '../a' is no name"),
        ("[principals.'a+b']\nroles = []\n", "principals: 'a+b' is no name"),
        ("[agents]\nlimits = ['tool.*']\n", "agents.limits: tool.* is no limit; write !tool.*"),
        ("[colours]\n", "colours"),
        ("roles = {", "policy.toml"),
    ],
)
def test_bad_policy_names_its_file_and_its_key(tmp_path: Path, text: str, named: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InvalidArgument) as refusal:
        read([file])
    assert refusal.value.message.startswith(str(file)) and named in refusal.value.message


def test_one_name_in_two_files_is_refused_since_neither_may_loosen_the_other(
    tmp_path: Path,
) -> None:
    system = written(tmp_path, GOOD, "system.toml")
    user = written(tmp_path, "[principals.alice]\nroles = []\n", "user.toml")
    with pytest.raises(InvalidArgument, match=r"user\.toml: principals\.alice stands in another"):
        read([system, user])


def test_policy_is_not_looked_for_in_a_projects_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert all(file.is_absolute() for file in standard_files())


def test_check_says_what_the_daemon_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = written(tmp_path, GOOD, "good.toml"), written(tmp_path, "x = 1", "bad.toml")
    assert main([str(good)]) == 0 and "good.toml: ok" in capsys.readouterr().out
    assert main([str(bad)]) == 1 and "bad.toml: x" in capsys.readouterr().err
    assert main([str(tmp_path / "none.toml")]) == 1


@pytest.mark.parametrize(
    ("one", "other", "outlive"),
    [("true", None, True), ("true", "true", True), ("true", "false", False), (None, None, False)],
)
def test_agents_outlive_their_token_only_where_every_file_that_speaks_of_it_agrees(
    tmp_path: Path, one: str | None, other: str | None, outlive: bool
) -> None:
    files = []
    for number, said in enumerate((one, other)):
        files.append(tmp_path / f"{number}.toml")
        files[-1].write_text(f"[agents]\noutlive_tokens = {said}\n" if said else "[agents]\n")
    assert read(files).outlive_tokens is outlive
