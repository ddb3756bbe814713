"""The HTTP application: one route for all syscalls, and what tells of them.

Interface:
    build           an application over the operating system
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from ...syscalls.errors import Internal, LLMAgentOSError
from ...syscalls.os import OS
from .calls import Calls
from .openai.refusal import Refusal, refusal_of
from .openai.routes import PREFIX, attach
from .page import render
from .problems import problem, refuse
from .schema import compose

#: Names that this machine calls itself; any other is a page that plays tricks with DNS.
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_READ = ["GET", "HEAD"]


def build(os: OS, *, any_host: bool = False, aliases: Mapping[str, str] | None = None) -> FastAPI:
    """Return the application. `any_host` for one that others reach by a name of its own; `aliases`
    are further names of models, for clients that insist on one."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    calls = Calls(os)
    if not any_host:
        app.add_middleware(Guard)

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

    attach(app, os, aliases or {})
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
    """Refuses requests that name another host than this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            if name.lower() not in LOCAL:
                await refuse(421, f"this is not {host!r}")(scope, receive, send)
                return
        await self._app(scope, receive, send)
