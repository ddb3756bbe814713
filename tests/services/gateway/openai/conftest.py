"""OpenAI's routes over a model that answers from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any, cast

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from llmagentos.services.gateway.app import build
from llmagentos.syscalls.errors import PermissionDenied
from llmagentos.syscalls.model import (
    Alternative,
    ChatChunk,
    ChatReply,
    Embeddings,
    Model,
    ModelInfo,
    TokenLogprob,
    ToolCall,
    Usage,
)
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.system import Session
from llmagentos.syscalls.table import read

USAGE = Usage(input_tokens=7, output_tokens=3)
CALL: ToolCall = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a": 1}'},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}
_CHECKS = {entry.name: entry for entry in read(Model)}


def reply(text: str | None = "Hello there", *calls: ToolCall, **more: Any) -> ChatReply:
    """Return a whole reply."""
    finish = "tool_calls" if calls else "stop"
    said = {"finish_reason": finish, "usage": USAGE, "model": "tiny-1", **more}
    return ChatReply(content=text, tool_calls=list(calls), **said)


def pieces(*texts: str, calls: tuple[ToolCall, ...] = (), **more: Any) -> list[Any]:
    """Return a reply in pieces, the end by itself."""
    last = {"finish_reason": "tool_calls" if calls else "stop", "usage": USAGE, "model": "tiny-1"}
    ends = ChatChunk(tool_calls=list(calls), **{**last, **more})
    return [*(ChatChunk(content=text) for text in texts), ends]


def token(text: str, logprob: float = -0.5) -> TokenLogprob:
    """Return a token with one alternative."""
    return TokenLogprob(token=text, logprob=logprob, top=[Alternative(token=text, logprob=logprob)])


class System:
    """What the gateway asks of the kernel: sessions and calls of the model."""

    def __init__(self) -> None:
        self.client = self.system = self
        self.tokens = {"good": 7, "other": 8}
        #: Every call, checked as the driver would: name, arguments, deadline, whose.
        self.calls: list[tuple[str, dict[str, Any], float | None, int]] = []
        #: What `chat` and `embed` return, or raise, one after the other; the last one stays.
        self.replies: list[Any] = [reply()]
        #: The same for `stream`: pieces, among which an error may stand. An `Event`, here and
        #: above, lets the client wait for ever.
        self.streams: list[list[Any]] = [pieces("Hello ", "there")]
        self.models = [
            ModelInfo(
                target="embedded", name="tiny-1", active=True, device="local", state="ready",
                context=512,
            ),
            ModelInfo(
                target="hf:big", name="big", active=False, device="local", state="loading"
            ),
        ]  # fmt: skip
        #: Calls that were taken back before their end.
        self.cancelled = 0
        self.began = asyncio.Event()

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of the last call."""
        return self.calls[-1][1]

    async def session(self, secret: str) -> Session:
        if secret not in self.tokens:
            raise PermissionDenied("the token is unknown, expired or revoked")
        return Session(pid=self.tokens[secret], principal="alice", token=secret)

    async def call(
        self, name: str, arguments: dict[str, Any], *, deadline: float | None, behalf: int
    ) -> Any:
        self._note(name, arguments, deadline, behalf)
        if name == "model.ls":
            return [asdict(one) for one in self.models]
        found = self._next(self.replies)
        if found is asyncio.Event:
            self.began.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, ChatReply | Embeddings)
        return asdict(found)

    async def stream(
        self, name: str, arguments: dict[str, Any], *, deadline: float | None, behalf: int
    ) -> AsyncIterator[Any]:
        self._note(name, arguments, deadline, behalf)
        ended = False
        try:
            for piece in self._next(self.streams):
                if piece is asyncio.Event:
                    self.began.set()
                    await asyncio.Event().wait()
                if isinstance(piece, Exception):
                    raise piece
                yield asdict(piece)
            ended = True
        finally:
            self.cancelled += not ended

    def _note(
        self, name: str, arguments: dict[str, Any], deadline: float | None, behalf: int
    ) -> None:
        _CHECKS[name].check(arguments)
        self.calls.append((name, arguments, deadline, behalf))

    def _next(self, script: list[Any]) -> Any:
        return script.pop(0) if len(script) > 1 else script[0]


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def app(system: System) -> ASGIApp:
    return build(cast(OS, system), aliases={"gpt-4o": "default", "mini": "tiny-1"})


@pytest.fixture
def http(app: ASGIApp) -> Iterator[TestClient]:
    with TestClient(
        app, base_url="http://localhost/v1", headers={"Authorization": "Bearer good"},
        raise_server_exceptions=False,
    ) as client:  # fmt: skip
        yield client


def events(text: str) -> list[Any]:
    """Return the data of server-sent events."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]
