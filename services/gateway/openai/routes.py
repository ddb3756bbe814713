"""OpenAI's routes.

Interface:
    attach          adds them to the application
    PREFIX          what their paths begin with
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import Response

from ....syscalls.os import OS
from ..sessions import Sessions
from .body import Asked
from .caller import Caller
from .chat import ChatRequest, chat
from .completions import CompletionRequest, complete
from .door import Door
from .embeddings import EmbeddingRequest, embed
from .models import Names, model, models
from .responses import ResponseRequest, Responses

A = TypeVar("A", bound=Asked)
PREFIX = "/v1"


def attach(app: FastAPI, os: OS, sessions: Sessions, aliases: Mapping[str, str]) -> None:
    """Add the routes. `aliases` are further names for models, and what they stand for."""
    door, names, responses = Door(os, sessions), Names(aliases), Responses()

    def post(
        path: str,
        kind: type[A],
        work: Callable[[A, Caller, str | None], Awaitable[Response]],
    ) -> None:
        @app.post(PREFIX + path)
        async def take(request: Request) -> Response:
            return await door.take(
                request, kind, lambda body, caller: work(body, caller, names.resolve(body.model))
            )

    post("/chat/completions", ChatRequest, chat)
    post("/completions", CompletionRequest, complete)
    post("/embeddings", EmbeddingRequest, embed)
    post("/responses", ResponseRequest, responses.create)

    @app.get(PREFIX + "/models")
    async def listed(request: Request) -> Response:
        return await door.look(request, lambda caller: models(caller, names))

    @app.get(PREFIX + "/models/{name:path}")
    async def one(name: str, request: Request) -> Response:
        return await door.look(request, lambda caller: model(caller, names, name))

    @app.get(PREFIX + "/responses/{id}")
    async def kept(id: str, request: Request) -> Response:
        return await door.look(request, lambda caller: responses.get(caller, id))

    @app.delete(PREFIX + "/responses/{id}")
    async def dropped(id: str, request: Request) -> Response:
        return await door.look(request, lambda caller: responses.delete(caller, id))
