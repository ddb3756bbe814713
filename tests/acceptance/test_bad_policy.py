"""A policy or a configuration with a mistake in it costs nobody a daemon that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import House


def test_daemon_is_not_stopped_for_one_that_would_not_start(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    house = make_house(
        XDG_CONFIG_HOME=str(tmp_path), LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false"
    )
    house.aos("start")
    first = house.status()["os_pid"]
    done = house.aos("serve", check=False)
    assert done.code == 125 and "runs already" in done.err
    assert "owner holds everything" in house.aos("policy", "show").err
    policy = tmp_path / "llmagentos" / "policy.toml"
    policy.parent.mkdir()
    policy.write_text("[roles.reader\n")
    done = house.aos("restart", check=False)
    assert done.code == 1 and str(policy) in done.err and "runs on as it is" in done.err
    assert house.status()["os_pid"] == first
    policy.unlink()
    configuration = policy.with_name("config.toml")
    configuration.write_text("[agents]\nlimit = 0.5\n")
    done = house.aos("restart", check=False)
    assert done.code == 1 and str(configuration) in done.err and "agents.limit" in done.err
    assert "runs on as it is" in done.err and house.status()["os_pid"] == first
    configuration.unlink()
    policy.write_text('[roles.reader]\ncapabilities = ["memory.*"]\n')
    assert house.aos("restart", "--json").json()["started"]
    assert "reader" in house.aos("policy", "show").out
    policy.write_text("[roles.reader\n")
    house.aos("stop")
    done = house.aos("start", check=False)
    assert done.code == 125 and done.err.count("aos: ") == 1
