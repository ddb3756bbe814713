"""Plugins are found by their entry points; nobody takes the place of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmagentos.kernel.plugins import Plugin, plugins


def install(folder: Path, name: str, group: str, *points: str) -> None:
    """Write what an installed distribution leaves behind."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[llmagentos.{group}]", *points]))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_built_in_ones_are_found_like_any_other() -> None:
    found = plugins("drivers")
    assert {"inference", "memory", "tools"} <= found.keys()
    assert found["memory"].source == "llmagentos"
    assert found["memory"].entry == "llmagentos.drivers.memory.driver:MemoryDriver"
    assert {"py", "toml"} <= plugins("runtimes").keys() and "gateway" in plugins("services")


def test_strangers_plugin_is_found_without_being_loaded(site: Path) -> None:
    install(site, "weather-station", "services", "weather = weather_nowhere:Weather")
    assert plugins("services")["weather"] == Plugin(
        name="weather", entry="weather_nowhere:Weather", source="weather-station"
    )
    assert "weather" not in plugins("drivers") and "weather_nowhere" not in sys.modules


def test_name_of_ours_stays_ours_wherever_the_other_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = plugins("drivers")["memory"]
    for name, place in (("early", 0), ("late", len(sys.path))):
        (tmp_path / name).mkdir()
        install(tmp_path / name, f"{name}-thief", "drivers", "memory = thief:Memory")
        monkeypatch.setattr(
            sys, "path", [*sys.path[:place], str(tmp_path / name), *sys.path[place:]]
        )
    assert plugins("drivers")["memory"] == ours


def test_plugins_come_in_the_order_of_their_names(site: Path) -> None:
    install(site, "many", "tools", "zebra = m:z", "ant = m:a", "mole = m:m")
    found = plugins("tools")
    assert list(found) == sorted(found) and {"ant", "mole", "zebra"} <= found.keys()


def test_group_that_nobody_fills_is_empty() -> None:
    assert plugins("colours") == {}
