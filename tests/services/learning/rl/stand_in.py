"""A job without a process: it keeps what it is told, and can be asked to end at a step."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

from llmagentos.services.learning.job import Job, Stopped
from llmagentos.services.learning.rl.recipe import read


class StandIn:
    """As `Job` where a kind of job sees it."""

    def __init__(self, folder: Path, text: str, *, stop: int | None = None) -> None:
        self.folder, self.source, self.file = folder, folder, "job.toml"
        self.checkpoints = folder / "checkpoints"
        self.recipe: dict[str, Any] = tomllib.loads(text)
        self.name = str(self.recipe.get("name", "job"))
        self.stopping = False
        self.stop = stop
        self.begun: list[tuple[int | None, int]] = []
        self.told: list[tuple[int, dict[str, float]]] = []
        self.published: list[dict[str, Any]] = []
        self.remarks: list[str] = []

    def begin(self, total: int | None = None, step: int = 0) -> None:
        self.begun.append((total, step))

    def report(
        self, step: int, metrics: dict[str, float], total: int | None = None, check: bool = True
    ) -> None:
        self.told.append((step, metrics))
        self.stopping = self.stop is not None and step >= self.stop
        if check:
            self.check()

    def check(self) -> None:
        if self.stopping:
            raise Stopped

    def publish(self, name: str, folder: Path, **card: Any) -> None:
        self.published.append({"name": name, "folder": folder, **card})

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def learn(self) -> dict[str, float]:
        """Do the job's work in a world."""
        from llmagentos.services.learning.rl.session import learn

        return learn(cast(Job, self), read(self.recipe, self.file))
