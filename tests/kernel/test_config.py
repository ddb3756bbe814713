"""Settings come from files, the environment and flags, the later the stronger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel.config import Config, load, standard_files
from llmagentos.syscalls.errors import InvalidArgument


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_nothing_said_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load([tmp_path / "missing.toml"], {"PATH": "/bin"}, {})
    assert loaded.config == Config() and loaded.origins == {}


def test_later_file_environment_and_flag_win_in_that_order(tmp_path: Path) -> None:
    weak = written(
        tmp_path,
        "weak.toml",
        "[agents]\nlimit = 1\n[agents.sandbox.agent]\nfiles = 1\ncpu = 1\n"
        "[scheduler]\ncapacity = 1\n",
    )
    strong = written(
        tmp_path,
        "strong.toml",
        "[agents.sandbox.agent]\nfiles = 2\ncpu = 2\n[scheduler]\ncapacity = 2\n",
    )
    environment = {
        "LLMAGENTOS_AGENTS__SANDBOX__AGENT__CPU": "3",
        "LLMAGENTOS_SCHEDULER__CAPACITY": "3",
        "OTHER__AGENTS__LIMIT": "9",
    }
    loaded = load([weak, strong], environment, {"scheduler.capacity": 4})
    config = loaded.config
    assert config.agents.limit == 1
    assert (config.agents.sandbox.agent.files, config.agents.sandbox.agent.cpu) == (2, 3)
    assert config.scheduler.capacity == 4
    assert loaded.origins == {
        "agents.limit": str(weak),
        "agents.sandbox.agent.files": str(strong),
        "agents.sandbox.agent.cpu": "LLMAGENTOS_AGENTS__SANDBOX__AGENT__CPU",
        "scheduler.capacity": "flag",
    }


def test_environment_carries_numbers_texts_and_lists() -> None:
    environment = {
        "LLMAGENTOS_SCHEDULER__POLICY": "fifo",
        "LLMAGENTOS_AGENTS__CAPABILITIES": '["clock.*"]',
        "LLMAGENTOS_AGENTS__BUDGET": '{"tokens": 5}',
        "LLMAGENTOS_DRIVERS__INFERENCE__ENABLED": "false",
        "LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL": "hf:a/b",
    }
    config = load([], environment, {}).config
    assert config.scheduler.policy == "fifo"
    assert config.agents.capabilities == ["clock.*"] and config.agents.budget == {"tokens": 5}
    driver = config.drivers["inference"]
    assert not driver.enabled and driver.settings == {"model": "hf:a/b"}


@pytest.mark.parametrize("name", ["STATE", "RUNTIME", "CONFIG", "FD"])
def test_names_that_are_no_settings_are_left_alone(name: str) -> None:
    assert load([], {f"LLMAGENTOS_{name}": "/somewhere"}, {}).config == Config()


def test_settings_of_a_plugin_are_passed_on_unread(tmp_path: Path) -> None:
    file = written(tmp_path, "c.toml", "[services.gateway.settings]\ncolour = {a = [1, 'b']}\n")
    loaded = load([file], {}, {"services.gateway.settings.port": 0})
    settings = loaded.config.services["gateway"].settings
    assert settings == {"colour": {"a": [1, "b"]}, "port": 0}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[agents]\nlimit = 0\n", "agents.limit"),
        ("[agents]\nlimit = 'many'\n", "agents.limit"),
        ("[agents]\ncolour = 1\n", "agents.colour"),
        ("[agents.sandbox.agent]\nnetns = 'perhaps'\n", "agents.sandbox.agent.netns"),
        ("[drivers.memory]\nenable = true\n", "drivers.memory.enable"),
        ("[colours]\nblue = 1\n", "colours"),
        ("agents = 7\n", "agents"),
        ("[agents.budget]\ntokens = 'all'\n", "agents.budget.tokens"),
        pytest.param(
            "[agents]\ncapabilities = ['clock.*', 7]\n",
            "agents.capabilities",
        ),
    ],
)
def test_bad_setting_names_its_place_and_itself(tmp_path: Path, text: str, named: str) -> None:
    good = written(tmp_path, "good.toml", "[scheduler]\ncapacity = 5\n")
    bad = written(tmp_path, "bad.toml", text)
    with pytest.raises(InvalidArgument) as refusal:
        load([good, bad], {}, {})
    assert refusal.value.message.startswith(f"{bad}: {named}")


def test_bad_value_names_its_variable_or_its_flag() -> None:
    name = "LLMAGENTOS_AGENTS__LIMIT"
    with pytest.raises(InvalidArgument, match=f"{name}: agents.limit: .*greater than 0"):
        load([], {name: "-1"}, {})
    with pytest.raises(InvalidArgument, match=r"flag: agents\.limit"):
        load([], {name: "1"}, {"agents.limit": "x"})


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("[agents.sandbox.agent]\nfile_size = 9\n", "LLMAGENTOS_AGENTS__SANDBOX__AGENT__FILE"),
        ("[agents]\nlimit = 9\n", "LLMAGENTOS_AGENTS"),
    ],
)
def test_bad_value_is_not_laid_to_a_place_that_is_innocent(
    tmp_path: Path, text: str, variable: str
) -> None:
    file = written(tmp_path, "good.toml", text)
    with pytest.raises(InvalidArgument) as refusal:
        load([file], {variable: "7"}, {})
    assert refusal.value.message.startswith(f"{variable}: ")


@pytest.mark.parametrize("content", [b"agents = {", b"\xff", b"a = 1\na = 2\n"])
def test_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"c\.toml"):
        load([path], {}, {})
    with pytest.raises(InvalidArgument, match=str(tmp_path)):
        load([tmp_path], {}, {})


def test_value_of_another_kind_takes_the_place_of_a_table_and_back(tmp_path: Path) -> None:
    one = written(tmp_path, "one.toml", "[drivers.a.settings]\nmodel = {name = 'x'}\n")
    two = written(tmp_path, "two.toml", "[drivers.a.settings]\nmodel = 'y'\n")

    def model(*files: Path) -> Any:
        return load(list(files), {}, {}).config.drivers["a"].settings["model"]

    assert model(one, two) == "y" and model(two, one) == {"name": "x"}


def test_users_file_stands_between_the_systems_and_the_projects(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    system, user, project = standard_files()
    assert system.is_relative_to("/etc") and user.is_relative_to(tmp_path)
    assert not project.is_absolute()
