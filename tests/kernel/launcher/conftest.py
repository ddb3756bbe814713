"""Scenes with real zygotes, which come up once for a module or, to be broken, for a test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmagentos.kernel.launcher.zygote import ZygoteLauncher

from .yard import Scene, Yard


@dataclass(frozen=True, slots=True)
class Place:
    """Where all scenes are played, one after the other, with zygotes that come up once."""

    runner: asyncio.Runner
    launcher: ZygoteLauncher


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with asyncio.Runner() as runner:
        launcher = ZygoteLauncher()
        runner.run(launcher.start())
        yield Place(runner, launcher)
        runner.run(launcher.close())


@pytest.fixture
def play(place: Place, tmp_path: Path) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        async def whole() -> None:
            yard = Yard(tmp_path, place.launcher)
            async with asyncio.timeout(60):
                try:
                    await scene(yard)
                finally:
                    await yard.close()

        place.runner.run(whole())

    return run


@pytest.fixture
def play_alone(tmp_path: Path) -> Callable[[Scene], None]:
    """Play a scene with a launcher that it may break."""

    def run(scene: Scene) -> None:
        async def whole() -> None:
            yard = Yard(tmp_path, ZygoteLauncher())
            async with asyncio.timeout(60):
                await yard.launcher.start()
                try:
                    await scene(yard)
                finally:
                    await yard.launcher.close()
                    for sock in yard.sockets.values():
                        sock.close()

        asyncio.run(whole())
        gc.collect()  # What is wrong with what it leaves is said here and not in another test.

    return run
