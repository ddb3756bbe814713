"""The device of a sentence model: texts become vectors, and nothing else.

Interface:
    SentenceDevice  implements `Engine` without conversations, and `embed`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from ....syscalls.errors import InvalidArgument
from ....syscalls.model import Embeddings, ModelInfo
from ..contract import Delta, Meter, Owner, Request
from .engine import SentenceEngine
from .model import SentenceModel, load
from .queue import Job


class SentenceDevice:
    """A sentence model on this machine. Its thread never waits for the event loop."""

    slots = 64
    flags: tuple[str, ...] = ("embed", "sentences")

    def __init__(self, target: str, model: SentenceModel) -> None:
        self._target = target
        self._model = model
        self._engine = SentenceEngine(model.vectors)

    @classmethod
    def load(cls, target: str, source: str, dtype: Any = None) -> SentenceDevice:
        """Load a model; blocking. It serves once it is started. Raises as `model.load` does."""
        return cls(target, load(source, dtype))

    def start(self) -> None:
        """Serve from now on."""
        self._engine.start()

    def info(self) -> ModelInfo:
        return ModelInfo(
            target=self._target,
            name=self._model.name,
            active=True,
            device="local",
            state="ready",
            parameters=self._model.parameters,
            context=self._model.longest,
            flags=list(self.flags),
        )

    async def embed(self, owner: Owner, meter: Meter, texts: Sequence[str]) -> Embeddings:
        """Return one vector of length 1 for each text; what is longer than the model's context is
        cut. Raises `InvalidArgument`, `TryAgain` where too many wait, and `DeviceError`."""
        tokens = await asyncio.to_thread(self._model.reader.tokens, texts)
        job = Job(tokens, meter)
        self._engine.submit(job)
        # Whoever waits no longer cancels the future, and its texts leave the queue.
        vectors = await asyncio.wrap_future(job.future)
        return Embeddings(vectors=vectors, usage=meter.usage, model=self._model.name)

    async def chat(self, request: Request) -> AsyncGenerator[Delta, None]:
        raise InvalidArgument(f"{self._model.name} is a model for sentences: it holds no chat")
        yield Delta()

    async def failed(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.close)
