"""Models that run for as long as they are tried, beside what answers.

Interface:
    Seats           a context; `seat` gives what calls name a model by
    vacate          lets a model run no longer
"""

from __future__ import annotations

from types import TracebackType

from ....syscalls.errors import AlreadyExists, InvalidArgument, LLMAgentOSError, NotFound
from ....syscalls.os import OS


class Seats:
    """What it has let run is taken away at the end; what ran before stays."""

    def __init__(self, os: OS) -> None:
        self._os = os
        self._ours: list[str] = []

    async def __aenter__(self) -> Seats:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for target in self._ours:
            await vacate(self._os, target)

    async def seat(self, name: str | None) -> str:
        """Let a model of the store run, and return its target; with None, that of what answers.

        Raises `NotFound` for a model that there is not, and `InvalidArgument` for one that the
        device cannot run, or where nothing answers.
        """
        if name is None:
            active = next((one for one in await self._os.model.ls() if one.active), None)
            if active is None:
                raise InvalidArgument("no model answers at present")
            return active.target
        target = name
        if name != "embedded":
            target = (await self._os.learning.card(name)).target
        try:
            await self._os.model.add(target)
            self._ours.append(target)
        except AlreadyExists:
            pass
        return target


async def vacate(os: OS, target: str) -> None:
    """Let a model run no longer; where that fails, it is told in the job's log."""
    try:
        await os.model.remove(target)
    except NotFound:
        pass
    except LLMAgentOSError as error:
        print(f"aos: {target} still runs: {error}")
