"""The way in for OpenAI's clients: who asks, what they ask, and every error in its form.

Interface:
    Door            `take` a request with a body, `look` for one without
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import Response

from ....syscalls.errors import LLMAgentOSError, PermissionDenied
from ....syscalls.os import OS
from ..body import Refused, read
from ..deadline import deadline_of
from ..hangup import unless_gone
from ..sessions import Sessions, place_of
from .body import B, parse
from .caller import Caller
from .refusal import Refusal, refusal_of

#: From a body and whoever sent it to the answer; raises a `Refusal` or an error of the system.
Answer = Callable[[B, Caller], Awaitable[Response]]


class Door:
    """Lets requests in with the rights of their tokens."""

    def __init__(self, os: OS, sessions: Sessions) -> None:
        self._os = os
        self._sessions = sessions

    async def take(self, request: Request, kind: type[B], answer: Answer[B]) -> Response:
        """Answer a request that has a body."""

        async def whole(caller: Caller) -> Response:
            try:
                given = await read(request)
            except Refused as refused:
                # That it is no object of arguments is a wrong value here like any other.
                status = 400 if refused.status == 422 else refused.status
                raise Refusal.plain(status, refused.detail) from None
            body = parse(kind, given)
            return await unless_gone(request, lambda: self._answered(request, answer(body, caller)))

        return await self.look(request, whole)

    async def look(
        self, request: Request, answer: Callable[[Caller], Awaitable[Response]]
    ) -> Response:
        """Answer a request that says all in its path."""
        try:
            session = await self._sessions.of(
                request.headers.get("authorization"), place=place_of(request)
            )
        except PermissionDenied as error:
            return _stranger(error).response()
        except LLMAgentOSError as error:
            return refusal_of(error).response()

        async def whole() -> Response:
            caller = Caller(self._os.client, session.pid, deadline_of(request))
            return await answer(caller)

        return await self._answered(request, whole())

    async def _answered(self, request: Request, work: Awaitable[Response]) -> Response:
        """Return an answer, or what refuses it in OpenAI's form."""
        try:
            return await work
        except Refusal as refusal:
            return refusal.response()
        except PermissionDenied as error:
            return (await self._denied(request, error)).response()
        except LLMAgentOSError as error:
            return refusal_of(error).response()

    async def _denied(self, request: Request, error: PermissionDenied) -> Refusal:
        """Say whether it is not allowed, or the token has meanwhile been revoked."""
        try:
            await self._sessions.of(request.headers.get("authorization"), again=True)
        except PermissionDenied as revoked:
            return _stranger(revoked)
        return refusal_of(error)


def _stranger(error: PermissionDenied) -> Refusal:
    return Refusal(
        error.message,
        status=401,
        type="authentication_error",
        code="invalid_api_key",
        headers={"WWW-Authenticate": 'Bearer realm="LLMAgentOS"'},
    )
