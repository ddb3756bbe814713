"""What an episode was worth, as a job's file says it is to be judged.

    [reward]
    outcome = 1.0           # where it ended with exit code 0
    per_1000_tokens = -0.1  # of what it has spent
    marks = true            # what people and verifiers have said
    verifier = "check.py:judge"

A verifier is a function of one `Episode` that returns a number. It runs in the job's own process,
in its sandbox and with its rights.

Interface:
    Rewarding       that part of a recipe; `judged` gives an episode its rewards
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from ...syscalls.errors import InvalidArgument
from ...syscalls.learning import Episode, Reward
from .beside import function
from .training.settings import Part

Verifier = Callable[[Episode], Any]


class Rewarding(Part):
    """How episodes are judged; what is left out counts nothing."""

    outcome: float = 0.0
    per_1000_tokens: float = Field(default=0.0, le=0)
    marks: bool = True
    #: `FILE.py:function`, beside the job's file.
    verifier: str | None = None

    def load(self, folder: Path) -> Verifier | None:
        """Return the verifier, None where there is none. Raises `InvalidArgument`."""
        if self.verifier is None:
            return None
        return function("verifier", self.verifier, folder)

    async def judged(self, episode: Episode, verifier: Verifier | None = None) -> Episode:
        """Return an episode with all its rewards, and their sum; None where nothing judges it.

        Raises `InvalidArgument` for a verifier that fails or returns no finite number.
        """
        rewards = list(episode.rewards) if self.marks else []
        time = episode.ended or episode.started

        def note(by: str, value: float) -> None:
            rewards.append(Reward(pid=episode.pid, value=value, by=by, note=None, time=time))

        if self.outcome and episode.exit_code is not None:
            note("outcome", self.outcome * (episode.exit_code == 0))
        if self.per_1000_tokens:
            note("budget", self.per_1000_tokens * episode.usage.get("tokens", 0.0) / 1000)
        if verifier is not None:
            note(f"verifier {self.verifier}", await self._asked(verifier, episode))
        total = math.fsum(one.value for one in rewards) if rewards else None
        return replace(episode, rewards=rewards, reward=total)

    async def _asked(self, verifier: Verifier, episode: Episode) -> float:
        try:
            said = verifier(episode)
            value = float(await said if inspect.isawaitable(said) else said)
        except Exception as error:  # a stranger's function may raise anything
            raise InvalidArgument(
                f"verifier {self.verifier} failed on process {episode.pid}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not math.isfinite(value):
            raise InvalidArgument(
                f"verifier {self.verifier} says {value} of process {episode.pid}, "
                "not a finite number"
            )
        return value
