"""An OpenAI-compatible endpoint: vLLM, SGLang, Ollama, llama.cpp, or a hosted API.

Interface:
    OpenAIDevice    implements `Engine`
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from ....syscalls.errors import (
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from ....syscalls.model import ModelInfo, ToolCall, Usage
from ..contract import Delta, Finish, Request

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}
#: Seconds to connect, and between two pieces of an answer.
CONNECT, SILENCE = 10, 600


class OpenAIDevice:
    """Conversations go out over HTTP. Closing a reply closes its request."""

    slots = 256

    def __init__(self, base: str, name: str | None, key: str | None) -> None:
        if not base.startswith(("http://", "https://")):
            raise InvalidArgument(f"{base!r} is no http address")
        self._base = base.rstrip("/")
        self._name = name or ""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=self.slots),
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT, sock_read=SILENCE),
        )

    async def check(self) -> None:
        """See that somebody answers, and choose the model where nobody has named one.

        Raises `DeviceError` where nobody does; `NotFound` for a model that it does not have.
        """
        try:
            async with self._session.get(f"{self._base}/models") as response:
                if response.status in (404, 405, 501):
                    listed: list[str] = []  # It answers, but keeps no list.
                else:
                    await _raise_for(response)
                    found = await response.json(content_type=None)
                    listed = [str(one["id"]) for one in found.get("data", [])]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeviceError(f"nobody answers at {self._base}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            listed = []
        if not self._name:
            if not listed:
                raise InvalidArgument(f"{self._base} lists no models; name one")
            self._name = listed[0]
        elif listed and self._name not in listed:
            raise NotFound(f"{self._base} has no model {self._name}; it has {', '.join(listed)}")

    def info(self) -> ModelInfo:
        return ModelInfo(
            target=f"openai:{self._base}",
            name=self._name,
            active=True,
            device="openai",
            state="ready",
        )

    async def chat(self, request: Request) -> AsyncIterator[Delta]:
        reply = _Reply()
        try:
            async with self._session.post(
                f"{self._base}/chat/completions", json=self._body(request)
            ) as response:
                await _raise_for(response)
                if "event-stream" in response.headers.get("Content-Type", ""):
                    async for line in response.content:
                        if line.startswith(b"data:") and (data := line[5:].strip()) != b"[DONE]":
                            if text := reply.take(json.loads(data), "delta"):
                                yield Delta(text=text)
                elif text := reply.take(await response.json(content_type=None), "message"):
                    yield Delta(text=text)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeviceError(f"{self._base} fails: {error or type(error).__name__}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeviceError(f"{self._base} answers with no chat completion: {error}") from error
        yield reply.end()

    async def close(self) -> None:
        await self._session.close()

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": request.messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        optional = {
            "tools": request.tools or None,
            "top_p": request.top_p if request.top_p < 1 else None,
            "stop": request.stop or None,
            "seed": request.seed,
            "logprobs": request.logprobs or None,
        }
        return body | {key: value for key, value in optional.items() if value is not None}


class _Reply:
    """Gathers what a reply's last piece carries."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolCall] = {}
        self._finish: Finish = "stop"
        self._usage = Usage(input_tokens=0, output_tokens=0)
        self._logprobs: list[float] = []

    def take(self, chunk: dict[str, Any], field: str) -> str:
        """Take a chunk in; return its text."""
        if "error" in chunk:
            raise DeviceError(str(chunk["error"]))
        if usage := chunk.get("usage"):
            self._usage = Usage(
                input_tokens=int(usage.get("prompt_tokens") or 0),
                output_tokens=int(usage.get("completion_tokens") or 0),
            )
        text = ""
        for choice in chunk.get("choices", [])[:1]:
            part = choice.get(field) or {}
            for place, call in enumerate(part.get("tool_calls") or []):
                self._join(int(call.get("index", place)), call)
            for one in (choice.get("logprobs") or {}).get("content") or []:
                self._logprobs.append(float(one["logprob"]))
            if finish := choice.get("finish_reason"):
                self._finish = _FINISH.get(finish, "stop")
            text = part.get("content") or ""
        return text

    def _join(self, index: int, piece: dict[str, Any]) -> None:
        empty: ToolCall = {
            "id": "",
            "type": "function",
            "function": {"name": "", "arguments": ""},
        }
        call = self._calls.setdefault(index, empty)
        function = piece.get("function") or {}
        call["id"] = piece.get("id") or call["id"]
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""

    def end(self) -> Delta:
        """Return the last piece."""
        calls = [self._calls[index] for index in sorted(self._calls)]
        return Delta(
            tool_calls=calls,
            finish="tool_calls" if calls and self._finish == "stop" else self._finish,
            usage=self._usage,
            logprobs=self._logprobs or None,
        )


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    """Raise the error that a status stands for, with the server's own words."""
    if response.status < 400:
        return
    text = (await response.text(errors="replace"))[:2000]
    try:
        said = json.loads(text)
        detail = said.get("error", said)
        text = str(detail.get("message", detail) if isinstance(detail, dict) else detail)
    except (ValueError, AttributeError):
        pass
    kinds: dict[int, type[LLMAgentOSError]] = {
        400: InvalidArgument, 401: PermissionDenied, 403: PermissionDenied, 404: NotFound,
        413: InvalidArgument, 422: InvalidArgument,
    }  # fmt: skip
    if response.status == 429:
        after = response.headers.get("Retry-After", "")
        raise TryAgain(text, retry_after=float(after) if after.isdigit() else 1.0)
    raise kinds.get(response.status, DeviceError)(f"the model's server: {text}")
