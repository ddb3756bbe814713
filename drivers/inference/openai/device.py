"""An OpenAI-compatible endpoint: vLLM, SGLang, Ollama, llama.cpp, or a hosted API.

Interface:
    OpenAIDevice    implements `Engine`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ....syscalls.errors import DeviceError, InvalidArgument, NotFound
from ....syscalls.model import ModelInfo
from ..contract import Delta, Request
from .address import split
from .fields import body, named
from .prices import Prices
from .refusal import refusal
from .reply import Reply

#: Seconds to connect, between two pieces of an answer, and until a server has said what it runs.
CONNECT, SILENCE, CHECK = 10, 600, 10
#: Bytes of a piece: a server may send a whole tool call as one.
PIECE = 2 * 1024 * 1024


class OpenAIDevice:
    """Conversations go out over HTTP. Closing a reply closes its request."""

    slots = 256
    flags: tuple[str, ...] = ()

    def __init__(
        self,
        base: str,
        name: str | None,
        key: str | None,
        prices: Mapping[str, Any] | None = None,
    ) -> None:
        """`base` may carry a name and a password, which nobody sees; a `key` goes before them.

        `prices` are dollars for a million tokens, `{"input": …, "output": …}`.
        Raises `InvalidArgument` for what is no address or no price.
        """
        self._prices = Prices.read({} if prices is None else prices)
        self._base, headers = split(base)
        self._name = name or ""
        #: Fields that the server has refused, and taken a request without.
        self._refused: set[str] = set()
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"} if key else headers,
            connector=aiohttp.TCPConnector(limit=self.slots),
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT, sock_read=SILENCE),
            # A line may have twice as many bytes.
            read_bufsize=PIECE // 2,
        )

    async def check(self) -> None:
        """See that somebody answers, and choose the model where nobody has named one.

        Raises `DeviceError` where nobody does; `NotFound` for a model that it does not have.
        """
        limit = aiohttp.ClientTimeout(total=CHECK)
        try:
            async with self._session.get(f"{self._base}/models", timeout=limit) as response:
                if response.status in (404, 405, 501):
                    listed: list[str] = []  # It answers, but keeps no list.
                else:
                    await _raise_for(response)
                    found = await response.json(content_type=None)
                    listed = [str(one["id"]) for one in found.get("data", [])]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            raise DeviceError(f"nobody answers at {self._base}: {why}") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            listed = []
        if not self._name:
            if not listed:
                raise InvalidArgument(f"{self._base} lists no models; name one")
            self._name = listed[0]
        # Ollama lists a model with its tag, and knows the usual one without it.
        elif listed and not {self._name, f"{self._name}:latest"} & set(listed):
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
        try:
            async with self._answer(request) as (response, sent):
                reply = Reply(sent, self._prices)
                if "event-stream" in response.headers.get("Content-Type", ""):
                    async for line in response.content:
                        if text := reply.line(line):
                            yield Delta(text=text)
                elif (answer := await response.json(content_type=None)) is not None:
                    yield Delta(text=reply.whole(answer))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeviceError(f"{self._base} fails: {error or type(error).__name__}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DeviceError(f"{self._base} answers with no chat completion: {error}") from error
        yield reply.end()

    async def failed(self) -> str:
        await asyncio.Event().wait()  # Each request finds out for itself.
        raise AssertionError("nothing sets it")

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def _answer(
        self, request: Request
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, dict[str, Any]]]:
        """Send a request, again without each field that is refused; give what was sent as well."""
        refused = set(self._refused)
        while True:
            if self._session.closed:
                raise DeviceError(f"{self._base} is not used any more")
            sent = body(request, self._name, refused)
            async with self._session.post(f"{self._base}/chat/completions", json=sent) as response:
                if response.status in (400, 422):
                    field = named(await response.text(errors="replace"), sent)
                    if field is not None:
                        refused.add(field)
                        continue
                await _raise_for(response)
                self._refused |= refused
                yield response, sent
                return


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    """Raise the error that a status stands for, with the server's own words."""
    if response.status >= 400:
        text = await response.text(errors="replace")
        raise refusal(response.status, text, response.headers.get("Retry-After", ""))
