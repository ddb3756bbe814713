"""The HTTP application: one route for all syscalls, and what tells of them.

Interface:
    build           an application over the operating system
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException

from ...syscalls.errors import InvalidArgument, LLMAgentOSError, PermissionDenied
from ...syscalls.os import OS
from ...syscalls.system import Session
from ...syscalls.table import Description
from .body import Refused, jsonable, read
from .page import render
from .problems import problem, refuse
from .repeats import Repeats
from .schema import compose
from .sessions import Sessions

#: Names that this machine calls itself; any other is a page that plays tricks with DNS.
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


def build(os: OS, *, any_host: bool = False) -> FastAPI:
    """Return the application. `any_host` for one that others reach by a name of its own."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    calls = Calls(os)

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if not any_host and name.lower() not in LOCAL:
            return refuse(421, "Misdirected", f"this is not {host}")
        return await go_on(request)

    @app.post("/api/v1/syscalls/{name}")
    async def call(name: str, request: Request) -> Response:
        return await calls.answer(name, request)

    @app.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(compose(await os.system.table()))

    @app.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(render(await os.system.table()))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        if (await os.system.status()).ready:
            return JSONResponse({"status": "ready"})
        return refuse(503, "Starting", "a driver or service is not up yet")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        return refuse(error.status_code, str(error.detail), f"{request.url.path}", headers)

    @app.exception_handler(LLMAgentOSError)
    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, LLMAgentOSError)
        return problem(error)

    return app


class Calls:
    """Turns requests into syscalls with the rights of their tokens."""

    def __init__(self, os: OS) -> None:
        self._os = os
        self._sessions = Sessions(os)
        self._repeats = Repeats()
        self._table: dict[str, Description] = {}

    async def answer(self, name: str, request: Request) -> Response:
        """Answer one request."""
        try:
            session = await self._sessions.of(request.headers.get("authorization"))
        except PermissionDenied as error:
            challenge = {"WWW-Authenticate": 'Bearer realm="LLMAgentOS"'}
            return refuse(401, "Unauthorized", error.message, challenge)
        try:
            arguments = await read(request)
            deadline = _deadline(request)
            known = await self._describe(name)
        except Refused as refusal:
            return refuse(refusal.status, "Refused", refusal.detail)
        except LLMAgentOSError as error:
            return problem(error)
        if known is not None and known.traits.stream:
            items = self._items(name, arguments, deadline, session)
            return EventSourceResponse(items)
        key = request.headers.get("idempotency-key")
        if key is None:
            return await self._call(name, arguments, deadline, session)
        return await self._once((session.pid, key), name, arguments, deadline, session)

    async def _describe(self, name: str) -> Description | None:
        """Return what is known of a syscall; a name that is new is asked for again."""
        if name not in self._table:
            self._table = {one.name: one for one in await self._os.system.table()}
        return self._table.get(name)

    async def _call(
        self, name: str, arguments: dict[str, Any], deadline: float | None, session: Session
    ) -> JSONResponse:
        try:
            result = await self._os.client.call(
                name, arguments, deadline=deadline, behalf=-session.pid
            )
        except LLMAgentOSError as error:
            return problem(error)
        return JSONResponse({"result": jsonable(result)})

    async def _once(
        self,
        key: tuple[int, str],
        name: str,
        arguments: dict[str, Any],
        deadline: float | None,
        session: Session,
    ) -> Response:
        call = json.dumps([name, arguments], sort_keys=True).encode()
        try:
            earlier = self._repeats.begin(key, call)
        except KeyError as error:
            return refuse(409, "In flight", str(error.args[0]))
        except ValueError as error:
            return refuse(422, "Another request", str(error))
        if isinstance(earlier, bytes):
            replayed = {"Idempotent-Replay": "true"}
            return Response(earlier, media_type="application/json", headers=replayed)
        kept = None
        try:
            answer = await self._call(name, arguments, deadline, session)
            kept = bytes(answer.body) if answer.status_code == 200 else None
            return answer
        finally:
            self._repeats.end(key, kept)

    async def _items(
        self, name: str, arguments: dict[str, Any], deadline: float | None, session: Session
    ) -> AsyncIterator[dict[str, str]]:
        stream = self._os.client.stream(name, arguments, deadline=deadline, behalf=-session.pid)
        number = 0
        try:
            async for item in stream:
                number += 1
                data = json.dumps(jsonable(item), ensure_ascii=False)
                yield {"event": "item", "id": str(number), "data": data}
            yield {"event": "end", "data": "{}"}
        except LLMAgentOSError as error:
            yield {"event": "error", "data": bytes(problem(error).body).decode()}
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # it is a generator


def _deadline(request: Request) -> float | None:
    text = request.headers.get("x-deadline-seconds") or request.query_params.get("deadline")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise InvalidArgument(f"a deadline is 0 to 86400 seconds, not {text!r}")
    return seconds
