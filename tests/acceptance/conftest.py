"""A daemon of the tests' own, and the `aos` command that speaks to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class House:
    """A folder of state, and commands run against its daemon."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = os.environ | {
            "LLMAGENTOS_STATE": str(state),
            "LLMAGENTOS_SERVICES__GATEWAY__SETTINGS__PORT": "0",
        }

    def aos(self, *arguments: str, check: bool = True, timeout: float = 180) -> Done:
        command = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]
        ran = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert not check or ran.returncode == 0, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr, ran.stderr
        return Done(code=ran.returncode, out=ran.stdout, err=ran.stderr)

    def status(self) -> Any:
        return json.loads(self.aos("status", "--json", check=False).out)

    def when_ready(self) -> Any:
        """Wait until every driver and service is up: the events say so."""
        follow = subprocess.Popen(
            [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()",
             "events", "--json"],
            stdout=subprocess.PIPE,
            env=self.environment,
        )  # fmt: skip
        assert follow.stdout is not None
        try:
            for _ in follow.stdout:
                if (status := self.status())["ready"]:
                    return status
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()
        raise AssertionError("the daemon has gone")

    def first_line(self, pid: str) -> str:
        """Wait for the first line that a process writes."""
        follow = subprocess.Popen(
            [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()",
             "logs", "-f", pid],
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
        )  # fmt: skip
        assert follow.stdout is not None
        try:
            return follow.stdout.readline().strip()
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()

    def program(self, name: str, text: str) -> str:
        path = self.state.parent / name
        path.write_text(text)
        return str(path)


def install(site: Path, name: str, text: str) -> None:
    """Leave a driver as pip leaves it."""
    (site / f"{name}.py").write_text(text)
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    points = f"[llmagentos.drivers]\n{name} = {name}:{name.title()}\n"
    (metadata / "entry_points.txt").write_text(points)


@contextmanager
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """Give what makes houses, and stop their daemons in the end."""
    made: list[House] = []

    def make(**environment: str) -> House:
        house = House(tmp_path_factory.mktemp("aos") / "s")
        house.environment |= environment
        made.append(house)
        return house

    yield make
    for house in made:
        house.aos("stop", check=False)
        shutil.rmtree(house.state, ignore_errors=True)


@pytest.fixture(scope="module")
def make_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """The houses of a file: daemons that nobody needs any more take memory from the others."""
    with houses(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def own(make_house: Callable[..., House]) -> House:
    """A house of the file's own: what it leaves behind is nobody else's."""
    made = make_house()
    made.aos("start")
    made.when_ready()
    return made


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house that most tests share: its first agent starts the daemon."""
    with houses(tmp_path_factory) as make:
        made = make()
        made.aos("start")
        made.when_ready()
        yield made
