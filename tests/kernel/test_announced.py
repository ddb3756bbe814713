"""What a plugin answered is expected of it by the next kernel, until it says something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llmagentos.kernel.announced import Announced
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.registry import Registry
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.table import describe


class Weather(Interface, name="weather"):
    """A plugin."""

    @syscall(idempotent=True, subject="place")
    async def forecast(self, place: str) -> str:
        """Say how it will be."""
        raise NotImplementedError

    @syscall()
    async def wish(self) -> None:
        """Say how it should be."""


class Station(Interface, name="station"):
    """A service of the same name as the driver."""

    @syscall()
    async def open(self) -> None:
        """Let people in."""


class Milder(Interface, name="weather"):
    """A later release of it."""

    @syscall(idempotent=True)
    async def forecast(self, place: str) -> str:
        """Say how it will be."""
        raise NotImplementedError


def driver(name: str, kind: Kind = Kind.DRIVER) -> ControlBlock:
    return ProcessTable().create(
        principal="ada", program="x", name=name, kind=kind,
        capabilities=CapabilitySet.parse([]),
    )  # fmt: skip


def booted(path: Path, *plugins: str) -> Registry:
    registry = Registry()
    announced = Announced(path, registry, {f"driver/{one}" for one in plugins})
    announced.recall()
    registry.on_provide = announced.note
    return registry


def test_syscalls_of_a_plugin_are_expected_before_it_is_up(tmp_path: Path) -> None:
    path = tmp_path / "plugins.json"
    first = booted(path, "weather")
    assert not first.expected("weather.forecast")
    first.provide(driver("weather"), describe(Weather))
    again = booted(path, "weather")
    assert again.expected("weather.wish") and again["weather.forecast"] in describe(Weather)
    assert again.provider("weather.forecast") is None
    gone = booted(path)
    assert not gone.expected("weather.forecast") and gone.descriptions() == []


def test_plugin_that_has_never_been_up_is_unknown(tmp_path: Path) -> None:
    registry, path = Registry(), tmp_path / "plugins.json"
    booted(path, "weather").provide(driver("weather"), describe(Weather))
    announced = Announced(path, registry, {"driver/weather", "driver/printer"})
    announced.recall()
    assert announced.unknown == {"driver/printer"}
    announced.note(driver("printer"), describe(Weather))
    assert announced.unknown == set()


def test_driver_and_service_of_one_name_are_two(tmp_path: Path) -> None:
    registry, path, both = Registry(), tmp_path / "plugins.json", {"driver/x", "service/x"}
    announced = Announced(path, registry, both)
    announced.note(driver("x"), describe(Weather))
    announced.note(driver("x", Kind.SERVICE), describe(Station))
    Announced(path, registry, both).recall()
    assert registry.expected("weather.wish") and registry.expected("station.open")


def test_what_a_later_release_leaves_out_is_expected_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "plugins.json"
    booted(path, "weather").provide(driver("weather"), describe(Weather))
    again = booted(path, "weather")
    again.provide(driver("weather"), describe(Milder))
    assert [one.name for one in again.descriptions()] == ["weather.forecast"]
    assert not booted(path, "weather").expected("weather.wish")


def test_file_that_says_nothing_or_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "plugins.json"
    for spoil in (lambda: path.write_text("{"), lambda: path.write_text('{"driver/weather": [1]}')):
        _refused(spoil, path)
    away = booted(tmp_path / "nowhere" / "plugins.json", "weather")
    away.provide(driver("weather"), describe(Weather))
    assert away.expected("weather.forecast")


def test_own_drivers_are_not_kept(tmp_path: Path) -> None:
    booted(tmp_path / "plugins.json").provide(driver("memory"), describe(Weather))
    assert not (tmp_path / "plugins.json").exists()


def _refused(spoil: Callable[[], object], path: Path) -> None:
    spoil()
    assert booted(path, "weather").descriptions() == []
