"""Texts to vectors, by the model for sentences that the inference device runs.

Vectors of a model that was not made for whole sentences rank worse than words alone, so only one
that says `sentences` in its flags is asked. It is asked with the driver's own rights; what it takes
is charged to whoever's call is being served.

Interface:
    Embedder        `model`, `embed`
    Embedded        vectors and the name of the model that made them
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ...syscalls.errors import LLMAgentOSError
from ...syscalls.os import OS
from ...syscalls.server import charge

#: The flag of a model for sentences, in `model.ls`.
FLAG = "sentences"
#: Seconds for which an answer of `model.ls` is taken to hold, and which it may take.
FRESH, ASKED = 5.0, 2.0
#: Seconds that embedding may take.
PATIENCE = 20.0
#: Texts in one call, and characters of each: no such model reads more.
BATCH, LONGEST = 64, 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One vector for each text, in their order."""

    model: str
    vectors: list[list[float]]


class Embedder:
    """What embeds, looked up now and then: a model may come and go."""

    def __init__(self, os: OS, now: Callable[[], float] = time.monotonic) -> None:
        self._os = os
        self._now = now
        self._model: str | None = None
        self._asked: float | None = None

    async def model(self) -> str | None:
        """Return the name of the model for sentences that runs; None where none does."""
        if self._asked is None or self._now() - self._asked > FRESH:
            self._model = await self._find()
            self._asked = self._now()
        return self._model

    async def embed(self, texts: Sequence[str], patience: float = PATIENCE) -> Embedded | None:
        """Return texts as vectors; None where no model for sentences runs, or it fails or takes
        longer than `patience` seconds: words serve alone then."""
        if not texts or (model := await self.model()) is None:
            return None
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            batch = [_readable(text) for text in texts[start : start + BATCH]]
            try:
                found = await self._os.call("model.embed", {"texts": batch}, deadline=patience)
            except LLMAgentOSError:
                return None
            with suppress(LookupError):  # Nobody's call is being served: it is for all.
                charge(tokens=found["usage"]["input_tokens"])
            if found["model"] != model:
                self._asked = None  # Another one runs by now.
                return None
            if not all(0 < math.hypot(*vector) < math.inf for vector in found["vectors"]):
                return None  # Such a model is broken.
            vectors += found["vectors"]
        return Embedded(model=model, vectors=vectors)

    async def _find(self) -> str | None:
        try:
            known = await self._os.call("model.ls", deadline=ASKED)
        except LLMAgentOSError:
            return None
        able = (one for one in known if FLAG in one["flags"] and one["state"] == "ready")
        return next((str(one["name"]) for one in able), None)


def _readable(text: str) -> str:
    """Return what a model can read of a text, and be sent."""
    return text[:LONGEST].encode(errors="replace").decode() or " "
