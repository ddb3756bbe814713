"""A job whose learning service only remembers, and gives out the models that it is told of."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagentos.services.learning.finetune.work import work
from llmagentos.services.learning.job import Job
from llmagentos.syscalls.errors import NotFound

EMBEDDED = Path(__file__).parents[4] / "drivers/inference/embedded"
DATA = Path(__file__).parents[4] / "examples/learn/data"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Memory:
    """What a learning service was told. `models`: the folders of its store."""

    def __init__(self, models: dict[str, Path], home: Path) -> None:
        self.models, self.home = models, home
        self.begun: list[int] = []
        self.curves: list[tuple[int, dict[str, float]]] = []
        self.published: list[dict[str, Any]] = []

    async def begin(self, kind: str, name: str, recipe: Any, **more: Any) -> int:
        self.begun.append(more["step"])
        return 1

    async def report(self, job: int, step: int, metrics: dict[str, float], total: Any) -> None:
        self.curves.append((step, metrics))

    async def fetch(self, name: str, folder: str) -> None:
        if name not in self.models:
            raise NotFound(f"there is no model {name!r}")
        shutil.copytree(self.models[name], self.home / folder)

    async def publish(self, name: str, folder: str, **card: Any) -> None:
        self.published.append({"name": name, "folder": self.home / folder, **card})


class House:
    """As much of the house as a job asks for."""

    def __init__(self, learning: Memory) -> None:
        self.learning = learning


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


class Shop:
    """Runs jobs as their processes would, each as if after the one before."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir()
        self.loop = loop
        self.models = {"embedded": EMBEDDED}
        self.learning = Memory(self.models, self.home)

    def lines(self, name: str, rows: Iterable[Any]) -> str:
        """Write lines of JSON, and return the file's name."""
        text = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (self.folder / name).write_text("".join(f"{one}\n" for one in text))
        return name

    def job(self, recipe: dict[str, Any]) -> Job:
        """A job beside its data."""

        async def there() -> Job:
            house: Any = House(self.learning)
            return Job(house, self.folder / "job.toml", recipe)

        return asyncio.run_coroutine_threadsafe(there(), self.loop).result()

    def run(self, recipe: dict[str, Any]) -> dict[str, Any]:
        """Run a job to its end and return what it has published."""
        work(self.job(recipe))
        return self.learning.published[-1]

    def first(self, name: str) -> float:
        """The first value of a curve."""
        return next(found[name] for _, found in self.learning.curves if name in found)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop) -> Shop:
    made = Shop(tmp_path, loop)
    monkeypatch.chdir(made.home)
    return made


@pytest.fixture
def ended(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Wait until the loop has sent what it was given."""
    return lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
