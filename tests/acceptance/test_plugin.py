"""A service and a driver from other packages, found by entry point and used by every face."""

from __future__ import annotations

import json
import shutil
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, House, install

PLUGINS = ROOT / "examples/plugins"


def install_example(site: Path, name: str, entries: str = "") -> None:
    """Leave an example as pip leaves it: a module and its metadata."""
    project = tomllib.loads((PLUGINS / name / "pyproject.toml").read_text())["project"]
    shutil.copy(PLUGINS / name / f"llmagentos_{name}.py", site)
    metadata = site / f"llmagentos_{name}-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Name: {project['name']}\nVersion: 0.1.0\n")
    for group, points in project["entry-points"].items():
        entries = f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) + entries
    (metadata / "entry_points.txt").write_text(entries)


@pytest.fixture(scope="module")
def plugged(make_house: Callable[..., House], tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house with both examples installed, and with one that cannot be loaded."""
    site = tmp_path_factory.mktemp("site")
    install_example(site, "weather", "broken = llmagentos_nowhere:Missing\n")
    install_example(site, "printer")
    house = make_house(PYTHONPATH=str(site), LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    house.aos("start")
    return house


#: A plugin that takes its time to come up.
LATE = """
import asyncio
from llmagentos.syscalls.interface import Interface, syscall

class Late(Interface, name="late"):
    async def setup(self, host):
        await asyncio.sleep(0.5)

    @syscall()
    async def ask(self) -> int:
        return 42
"""


def test_agent_may_call_a_plugin_from_the_very_first_start_on(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    install(tmp_path, "late", LATE)
    house = make_house(PYTHONPATH=str(tmp_path), LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    agent = house.program(
        "asks.py", "async def main(os, task):\n    print(await os.call('late.ask', {}))"
    )
    house.aos("start")
    assert house.aos("run", agent).out == "42\n"


def test_plugins_methods_are_syscalls_everywhere(plugged: House) -> None:
    agent = plugged.program(
        "asks.py",
        "async def main(os, task):\n    print((await os.weather.forecast(city='Oslo'))['high'])",
    )
    assert plugged.aos("call", "weather.forecast", "city=Oslo").json()["high"] == 9.9
    assert plugged.aos("run", agent).out == "9.9\n"
    assert len(plugged.aos("call", "weather.week", "city=Cairo").out.splitlines()) == 7
    assert "Return the mean high" in plugged.aos("syscalls", "weather.forecast").out


def test_plugins_syscalls_have_routes_and_schemas(plugged: House) -> None:
    token = plugged.aos("token", "create", "plugin").out.strip()
    status = plugged.status()
    while not status["url"]:
        status = plugged.status()
    request = urllib.request.Request(
        f"{status['url']}/api/v1/syscalls/weather.forecast",
        data=b'{"city": "Cairo"}',
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["result"]["low"] == 16.9
    with urllib.request.urlopen(f"{status['url']}/openapi.json", timeout=30) as answer:
        paths = json.load(answer)["paths"]
    described = paths["/api/v1/syscalls/weather.forecast"]["post"]["description"]
    assert "mean high and low" in described and "/api/v1/syscalls/printer.print" in paths


def test_drivers_plugin_owns_a_device_that_calls_are_queued_for(plugged: House) -> None:
    prints = plugged.program(
        "prints.py",
        "import asyncio\n"
        "async def main(os, task):\n"
        "    pages = await asyncio.gather(*(os.printer.print(text=str(n)) for n in range(5)))\n"
        "    print(sorted(pages))\n",
    )
    assert plugged.aos("run", "--name", "prints", prints).out == "[1, 2, 3, 4, 5]\n"
    assert plugged.aos("call", "printer.pages").json() == 5
    (device,) = [d for d in plugged.aos("device", "ls", "--json").json() if d["kind"] == "printer"]
    assert device["slots"] == 1
    (ran,) = plugged.aos("ps", "-a", "--json", "--filter", "name=prints").json()
    assert ran["usage"]["device_seconds"] == pytest.approx(0.05)


def test_plugin_that_cannot_be_loaded_disturbs_nobody(plugged: House) -> None:
    services = {one["name"]: one for one in plugged.aos("service", "--json").json()}
    assert services["broken"]["state"] != "ready"
    assert plugged.aos("call", "clock.now", check=False).code == 0
    log = plugged.state / "service/broken/log"
    assert "llmagentos_nowhere" in log.read_text()
