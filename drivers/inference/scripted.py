"""A device without a model: it answers from a script, one reply after the other.

A script is a list of replies, each a text or a map with `text`, `calls` (name and arguments of each
tool call) or `error`; after the last one it begins again.

Interface:
    ScriptedDevice  implements `Engine`; `read` takes the script from a JSON file
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from itertools import cycle
from pathlib import Path
from typing import Any

from ...syscalls.errors import DeviceError, InvalidArgument, NotFound
from ...syscalls.model import ModelInfo, ToolCall, Usage
from .contract import Delta, Finish, Request


class ScriptedDevice:
    """Writes a reply word by word and counts words as tokens."""

    slots = 64
    flags: tuple[str, ...] = ()

    def __init__(self, script: list[Any], name: str = "script") -> None:
        if not script:
            raise InvalidArgument("a script has at least one reply")
        self._replies = cycle([_reply(one) for one in script])
        self._name = name
        #: Set once it is closed.
        self.closed = asyncio.Event()
        #: Set while it writes; clear it to hold all replies before their next word.
        self.flowing = asyncio.Event()
        self.flowing.set()

    @classmethod
    def read(cls, file: str) -> ScriptedDevice:
        """Raises `NotFound` or `InvalidArgument`."""
        try:
            script = json.loads(Path(file).read_text())
        except OSError as error:
            raise NotFound(f"the script {file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise InvalidArgument(f"the script {file} is no JSON: {error}") from error
        if not isinstance(script, list):
            raise InvalidArgument(f"the script {file} is no list of replies")
        return cls(script, file)

    def info(self) -> ModelInfo:
        return ModelInfo(
            target=f"scripted:{self._name}",
            name=Path(self._name).stem,
            active=True,
            device="scripted",
            state="ready",
        )

    async def chat(self, request: Request) -> AsyncGenerator[Delta, None]:
        self._check()
        reply = next(self._replies)
        read = sum(len((one.get("content") or "").split()) for one in request.messages)
        written = 0
        for word in re.findall(r"\S+\s*|\s+", reply["text"]):
            await self.flowing.wait()
            self._check()
            if written == request.sampling.max_tokens:
                break
            written += 1
            request.meter.usage = Usage(input_tokens=read, output_tokens=written)
            yield Delta(text=word)
        else:
            if reply["error"]:
                raise DeviceError(reply["error"])
        calls: list[ToolCall] = reply["calls"]
        finish: Finish = "length" if written == request.sampling.max_tokens else "stop"
        request.meter.usage = Usage(input_tokens=read, output_tokens=written)
        yield Delta(
            tool_calls=calls,
            finish="tool_calls" if calls else finish,
            usage=request.meter.usage,
        )

    async def failed(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    async def close(self) -> None:
        self.closed.set()
        self.flowing.set()

    def _check(self) -> None:
        if self.closed.is_set():
            raise DeviceError("the device was closed")


def _reply(said: Any) -> dict[str, Any]:
    said = {"text": said} if isinstance(said, str) else said
    if not isinstance(said, dict) or not {"text", "calls", "error"} >= set(said):
        raise InvalidArgument(f"a reply is a text or has text, calls or error: {said!r}")
    return {
        "text": str(said.get("text") or ""),
        "error": said.get("error"),
        "calls": [
            {
                "id": f"call_{place}",
                "type": "function",
                "function": {
                    "name": str(one["name"]),
                    "arguments": json.dumps(one.get("arguments", {})),
                },
            }
            for place, one in enumerate(said.get("calls") or [])
        ],
    }
