"""Whoever has sent a request, as the one whose model calls they are.

Interface:
    Caller          the model's syscalls with a session's rights, budget and deadline
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

from ....syscalls.client import Client
from ....syscalls.model import ChatChunk, ChatReply, Embeddings, Model, ModelInfo
from ....syscalls.table import read

_RESULTS = {entry.name: entry.result for entry in read(Model)}


class Caller:
    """Makes the calls of one request. Each raises the `LLMAgentOSError` that it ended in."""

    def __init__(self, client: Client, pid: int, deadline: float | None = None) -> None:
        #: The session's process.
        self.pid = pid
        self._client = client
        self._deadline = deadline

    async def chat(self, arguments: dict[str, Any]) -> ChatReply:
        """Make the call `model.chat`."""
        return cast(ChatReply, await self._call("model.chat", arguments))

    async def stream(self, arguments: dict[str, Any]) -> AsyncGenerator[ChatChunk, None]:
        """Make the call `model.stream`; closing the iterator takes it back."""
        chunks = self._client.stream(
            "model.stream", arguments, deadline=self._deadline, behalf=-self.pid
        )
        async for raw in chunks:
            yield _RESULTS["model.stream"].validate_python(raw)

    async def embed(self, texts: list[str]) -> Embeddings:
        """Make the call `model.embed`."""
        return cast(Embeddings, await self._call("model.embed", {"texts": texts}))

    async def ls(self) -> list[ModelInfo]:
        """Make the call `model.ls`."""
        return cast(list[ModelInfo], await self._call("model.ls", {}))

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        raw = await self._client.call(name, arguments, deadline=self._deadline, behalf=-self.pid)
        return _RESULTS[name].validate_python(raw)
