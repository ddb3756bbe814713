"""A service plugin, found by its entry point and used by every face of the system."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, House

PLUGIN = ROOT / "examples/plugins/weather"


@pytest.fixture(scope="module")
def plugged(make_house: Callable[..., House], tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house with the example installed, as pip leaves it: a module and its metadata."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(PLUGIN / "llmagentos_weather.py", site)
    metadata = site / "llmagentos_weather-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: llmagentos-weather\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[llmagentos.services]\nweather = llmagentos_weather:Weather\n"
        "broken = llmagentos_nowhere:Missing\n"
    )
    house = make_house(PYTHONPATH=str(site), LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    house.aos("start")
    return house


def test_plugins_methods_are_syscalls_everywhere(plugged: House) -> None:
    agent = plugged.program(
        "asks.py",
        "async def main(os, task):\n    print((await os.weather.forecast(city='Oslo'))['high'])",
    )
    assert plugged.aos("call", "weather.forecast", "city=Oslo").json()["high"] == 9.9
    assert plugged.aos("run", agent).out == "9.9\n"
    assert len(plugged.aos("call", "weather.week", "city=Cairo").out.splitlines()) == 7
    assert "Return the mean high" in plugged.aos("syscalls", "weather.forecast").out


def test_plugin_that_cannot_be_loaded_disturbs_nobody(plugged: House) -> None:
    services = {one["name"]: one for one in plugged.aos("service", "--json").json()}
    assert services["broken"]["state"] != "ready"
    assert plugged.aos("call", "clock.now", check=False).code == 0
    log = plugged.state / "service/broken/log"
    assert "llmagentos_nowhere" in log.read_text()


def test_examples_metadata_names_the_class() -> None:
    assert 'weather = "llmagentos_weather:Weather"' in Path(PLUGIN / "pyproject.toml").read_text()
