"""The HTTP application: one route for all syscalls, and what tells of them.

Interface:
    build           an application over the operating system
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...syscalls.errors import Internal, LLMAgentOSError
from ...syscalls.os import OS
from .calls import Calls
from .openai.refusal import Refusal, refusal_of
from .openai.routes import PREFIX, attach
from .page import render
from .problems import problem, refuse
from .schema import compose
from .sessions import RATE, Sessions

#: Names that this machine calls itself; any other is a page that plays tricks with DNS.
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_READ = ["GET", "HEAD"]


def build(
    os: OS,
    *,
    hosts: frozenset[str] | None = LOCAL,
    aliases: Mapping[str, str] | None = None,
    rate: float = RATE,
) -> FastAPI:
    """Return the application. `hosts` are the names by which it may be reached, None for any;
    `aliases` are further names of models, for clients that insist on one; `rate` how many requests
    a second a token may make."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    sessions = Sessions(os, rate=rate)
    calls = Calls(os, sessions)
    app.add_middleware(Guard, hosts=hosts)

    @app.post("/api/v1/syscalls/{name}")
    async def call(name: str, request: Request) -> Response:
        return await calls.answer(name, request)

    @app.api_route("/openapi.json", methods=_READ)
    async def openapi() -> JSONResponse:
        return JSONResponse(compose(await os.system.table()))

    @app.api_route("/docs", methods=_READ)
    async def docs() -> HTMLResponse:
        return HTMLResponse(render(await os.system.table()))

    @app.api_route("/", methods=_READ)
    async def front() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.api_route("/healthz", methods=_READ)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.api_route("/readyz", methods=_READ)
    async def readyz() -> Response:
        if (await os.system.status()).ready:
            return JSONResponse({"status": "ready"})
        return refuse(503, "a driver or service is not up yet")

    attach(app, os, sessions, aliases or {})
    _convert(app)
    return app


def _convert(app: FastAPI) -> None:
    """Answer every error with problem details, or as OpenAI does under its paths."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reason = HTTPStatus(error.status_code).description or str(error.detail)
        detail = f"{request.method} {request.url.path}: {reason}"
        if request.url.path.startswith(f"{PREFIX}/"):
            return Refusal.plain(error.status_code, detail).response()
        return refuse(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(LLMAgentOSError)
    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, LLMAgentOSError)
        return problem(error)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        # The server logs where it happened.
        if request.url.path.startswith(f"{PREFIX}/"):
            return refusal_of(Internal()).response()
        return problem(Internal())


class Guard:
    """Refuses requests that name a host that this is not, and tells browsers to keep to the answer
    that they get."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        host = Headers(scope=scope).get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts is not None and name.lower() not in self._hosts:
            await refuse(421, f"this is not {host[:100]!r}")(scope, receive, guarded)
            return
        if {b"content-length", b"transfer-encoding"} <= {key for key, _ in scope["headers"]}:
            # Where it ends would be a matter of opinion, and what follows another's request.
            doubtful = refuse(400, "two lengths of one body", {"Connection": "close"})
            await doubtful(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)
