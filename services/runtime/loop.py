"""The loop of an agent: the model speaks, its tools run, until it has an answer.

Interface:
    Loop            one conversation: `run` returns the answer, `sources` is what it rests on
"""

from __future__ import annotations

import json
from typing import Any

from ...syscalls.errors import InvalidArgument, LLMAgentOSError, NotFound
from ...syscalls.model import Message, ToolCall
from ...syscalls.os import OS
from .manifest import Manifest


class StepLimit(Exception):
    """The agent came to no answer within its steps."""


class Loop:
    """One agent's conversation."""

    def __init__(self, os: OS, manifest: Manifest) -> None:
        self._os = os
        self._manifest = manifest
        self.messages: list[Message] = [{"role": "system", "content": manifest.instructions}]
        #: Where the results that the model has read come from.
        self.sources: list[str] = []

    async def run(self, task: str) -> str:
        """Return the answer to a task. Raises `StepLimit`, and the error of a model call."""
        manifest, os = self._manifest, self._os
        offered = [tool.schema() for tool in await os.tool.ls(only=manifest.tools)]
        self.messages.append({"role": "user", "content": task})
        for _ in range(manifest.limits.steps):
            reply = await os.model.chat(
                self.messages,
                tools=offered or None,
                max_tokens=manifest.limits.reply_tokens,
                temperature=manifest.temperature,
            )
            self.messages.append(
                {"role": "assistant", "content": reply.content, "tool_calls": reply.tool_calls}
            )
            if not reply.tool_calls:
                return reply.content or ""
            for call in reply.tool_calls:
                text = await self._invoke(call)
                self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        raise StepLimit(f"no answer within {manifest.limits.steps} steps")

    async def _invoke(self, call: ToolCall) -> str:
        """Return what the model reads of a tool call: its result, or what was wrong with it."""
        function = call["function"]
        if not self._manifest.wants(function["name"]):
            return f"error: there is no tool {function['name']!r}"
        try:
            arguments: Any = json.loads(function["arguments"])
            result = await self._os.tool.call(function["name"], arguments)
            if not result.failed:
                self.sources = list(dict.fromkeys([*self.sources, *result.sources]))
            return result.text
        except (ValueError, InvalidArgument, NotFound) as error:
            return f"error: {error}"
        except LLMAgentOSError as error:
            if error.code in ("EPERM", "EAGAIN", "ETIMEDOUT", "EDEVICE"):
                return f"error: {error}"
            raise
