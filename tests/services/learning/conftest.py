"""A job of which the learning service only remembers what it was told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning.job import Job


class Memory:
    """What a learning service was told."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.reports: list[tuple[int, dict[str, float]]] = []
        self.ended: list[tuple[str, str | None]] = []
        self.published: list[dict[str, Any]] = []
        self.fails: list[Exception] = []

    async def begin(self, kind: str, name: str, recipe: Any, **more: Any) -> int:
        self.begun.append({"kind": kind, "name": name, **more})
        return 1

    async def report(self, job: int, step: int, metrics: dict[str, float], total: Any) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.reports.append((step, metrics))

    async def finish(self, job: int, state: str, reason: str | None) -> None:
        self.ended.append((state, reason))

    async def publish(self, name: str, folder: str, **card: Any) -> Any:
        self.published.append({"name": name, "folder": folder, **card})
        return None


class House:
    """As much of the house as a job asks for."""

    def __init__(self) -> None:
        self.learning = Memory()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture
def make_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop
) -> Callable[..., Job]:
    """Make a job, as its process would; each is as if it ran after the one before."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")

    def make(recipe: dict[str, Any] | None = None, fresh: bool = False) -> Job:
        recipe = {"job": {"kind": "pretrain"}, **(recipe or {})}

        async def there() -> Job:
            return Job(House(), tmp_path / "tiny.toml", recipe, fresh)  # type: ignore[arg-type]

        return asyncio.run_coroutine_threadsafe(there(), loop).result()

    return make
