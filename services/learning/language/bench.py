"""A model on trial: it runs on the device beside what answers, under its folder as its name.

Interface:
    Bench           a context; `seat` puts a model in the place of the one before
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from ....syscalls.errors import AlreadyExists
from ....syscalls.os import OS
from ..evaluate.seats import vacate


class Bench:
    """At most one model at a time; it is taken away at the end, also one of a killed process."""

    def __init__(self, os: OS, folder: Path) -> None:
        """`folder` holds the models' folders, and no others that run."""
        self._os = os
        self._prefix = f"hf:{folder}/"
        #: What calls name it by.
        self.target: str | None = None

    async def __aenter__(self) -> Bench:
        for one in await self._os.model.ls():
            if one.target.startswith(self._prefix):
                await vacate(self._os, one.target)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.target is not None:
            await vacate(self._os, self.target)

    async def seat(self, name: str) -> str:
        """Let the model in the folder `name` run, and the one before no longer. Raises as
        `model.add` does."""
        before, target = self.target, self._prefix + name
        if target != before:
            try:
                await self._os.model.add(target)
            except AlreadyExists:
                pass
            self.target = target
            if before is not None:
                await vacate(self._os, before)
        return target
