"""A reply, gathered from what a server sends.

Interface:
    Reply           `line` takes a stream in, `whole` an answer that is none; then `end`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ....syscalls.errors import DeviceError
from ....syscalls.model import Alternative, TokenLogprob, Usage
from ..contract import Delta, Finish
from .calls import Calls
from .prices import Prices

_FINISH: Mapping[str, Finish] = {"length": "length", "tool_calls": "tool_calls"}
#: Bytes of a token, where the server does not count.
BYTES = 3


class Reply:
    """What the last piece of a reply carries."""

    def __init__(self, sent: Mapping[str, Any], prices: Prices) -> None:
        self._sent, self._prices = sent, prices
        self._calls = Calls()
        self._reason: str | None = None
        self._ended = False
        self._usage: Mapping[str, Any] = {}
        self._guess = 0
        self._logprobs: list[TokenLogprob] = []

    def line(self, line: bytes) -> str:
        """Take a line of a stream in; return its text."""
        data = line[5:].strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            self._ended = True
        elif data:
            chunk = json.loads(data)
            for choice in self._choices(chunk)[:1]:
                delta = choice.get("delta") or {}
                # A piece is about a token; the one that names the role is none.
                self._guess += any(value for name, value in delta.items() if name != "role")
                return self._part(choice, delta)
        return ""

    def whole(self, answer: dict[str, Any]) -> str:
        """Take an answer in that is no stream; return its text."""
        choice = self._choices(answer)[0]
        message = choice["message"]
        self._guess = _size(message) // BYTES
        self._ended = True
        return self._part(choice, message)

    def end(self) -> Delta:
        """Return the last piece. Raises `DeviceError` for an answer that is not whole."""
        if not self._ended:
            raise DeviceError("the model's server: the answer was cut off")
        if self._reason == "content_filter":
            raise DeviceError("the model's server: a content filter ended the answer")
        calls = self._calls.all()
        finish = _FINISH.get(self._reason or "", "stop")
        return Delta(
            tool_calls=calls,
            finish="tool_calls" if calls and finish == "stop" else finish,
            usage=self._used(),
            logprobs=self._logprobs or None,
        )

    def _choices(self, answer: dict[str, Any]) -> list[Any]:
        if error := answer.get("error"):
            message = error.get("message") if isinstance(error, dict) else None
            raise DeviceError(f"the model's server: {message or error}")
        self._usage = answer.get("usage") or self._usage
        return answer.get("choices") or []

    def _part(self, choice: dict[str, Any], part: dict[str, Any]) -> str:
        for call in part.get("tool_calls") or []:
            self._calls.add(call)
        for one in (choice.get("logprobs") or {}).get("content") or []:
            self._logprobs.append(
                TokenLogprob(
                    token=str(one["token"]),
                    logprob=float(one["logprob"]),
                    top=[
                        Alternative(token=str(other["token"]), logprob=float(other["logprob"]))
                        for other in one.get("top_logprobs") or []
                    ],
                )
            )
        if reason := choice.get("finish_reason"):
            self._reason, self._ended = str(reason), True
        content = part.get("content") or ""
        if isinstance(content, str):
            return content
        return "".join(one.get("text") or "" for one in content)

    def _used(self) -> Usage:
        asked = _count(self._usage.get("prompt_tokens"))
        written = _count(self._usage.get("completion_tokens"))
        if asked is None:
            asked = _size([self._sent.get("messages"), self._sent.get("tools")]) // BYTES
        if written is None:
            written = self._guess
        money = self._prices.of(asked, written)
        return Usage(input_tokens=asked, output_tokens=written, money=money)


def _count(tokens: Any) -> int | None:
    return max(0, int(tokens)) if isinstance(tokens, (int, float)) else None


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
