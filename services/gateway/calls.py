"""Requests to syscalls, made with the rights of their tokens.

Interface:
    Calls           `answer` a request
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from ...syscalls.errors import InvalidArgument, LLMAgentOSError, NoSyscall, PermissionDenied
from ...syscalls.os import OS
from ...syscalls.table import Description
from .body import Refused, read, written
from .deadline import deadline_of
from .hangup import unless_gone
from .problems import problem, refuse
from .repeats import Answer, Key, Repeats
from .sessions import Sessions, place_of

#: Seconds in which a stream may still be refused with a status of its own.
PROMPT = 0.25
#: Characters of an idempotency key.
LONGEST_KEY = 200
#: Statuses of a call that has had its effect, or may have had it: a repeat gets the same.
_SETTLED = frozenset({200, 409, 504})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="LLMAgentOS"'}
_END = object()


class Calls:
    """Turns requests into syscalls with the rights of their tokens."""

    def __init__(self, os: OS, sessions: Sessions) -> None:
        self._os = os
        self._sessions = sessions
        self._repeats = Repeats()
        self._table: dict[str, Description] = {}

    async def answer(self, name: str, request: Request) -> Response:
        """Answer one request; whatever is wrong with it is a problem."""
        header = request.headers.get("authorization")
        try:
            session = await self._sessions.of(header, place=place_of(request))
        except PermissionDenied as error:
            return refuse(401, error.message, _CHALLENGE)
        except LLMAgentOSError as error:
            return problem(error)
        try:
            arguments = await read(request)
            deadline, key = deadline_of(request), _key(request)
            known = await self._describe(name)
        except Refused as refusal:
            return refuse(refusal.status, refusal.detail)
        except LLMAgentOSError as error:
            return problem(error)

        async def call() -> Response:
            try:
                return await self._make(known, arguments, deadline, session.pid)
            except PermissionDenied as error:
                return await self._denied(header, error)
            except LLMAgentOSError as error:
                return problem(error)

        if key is not None and not known.traits.stream:
            return await self._once((session.principal, session.pid, key), (name, arguments), call)
        return await unless_gone(request, call)

    async def _describe(self, name: str) -> Description:
        """Return what is known of a syscall; a name that is new is asked for again."""
        if name not in self._table:
            self._table = {one.name: one for one in await self._os.system.table()}
        if name not in self._table:
            raise NoSyscall(f"there is no syscall {name[:100]!r}")
        return self._table[name]

    async def _make(
        self, known: Description, arguments: dict[str, Any], deadline: float | None, session: int
    ) -> Response:
        client, name = self._os.client, known.name
        if known.traits.stream:
            return await _streamed(
                client.stream(name, arguments, deadline=deadline, behalf=-session)
            )
        result = await client.call(name, arguments, deadline=deadline, behalf=-session)
        return Response(written({"result": result}), media_type="application/json")

    async def _denied(self, header: str | None, error: PermissionDenied) -> Response:
        """Say whether the call is not allowed, or its token has meanwhile been revoked."""
        try:
            await self._sessions.of(header, again=True)
        except PermissionDenied as revoked:
            return refuse(401, revoked.message, _CHALLENGE)
        return problem(error)

    async def _once(self, key: Key, what: Any, call: Callable[[], Awaitable[Response]]) -> Response:
        """Make a call unless it was made before. It goes on when its client hangs up: whoever
        sends a key comes back for the answer."""
        try:
            earlier = self._repeats.begin(key, json.dumps(what, sort_keys=True).encode())
        except BlockingIOError as error:
            return refuse(409, str(error))
        except ValueError as error:
            return refuse(422, str(error))
        if earlier is not None:
            return Response(
                earlier.body, earlier.status, {"Idempotent-Replay": "true"}, earlier.media_type
            )
        kept = None
        try:
            answer = await call()
            if answer.status_code in _SETTLED:
                kept = Answer(
                    status=answer.status_code,
                    media_type=answer.headers["content-type"],
                    body=bytes(answer.body),
                )
            return answer
        finally:
            self._repeats.end(key, kept)


async def _streamed(items: AsyncIterator[Any]) -> Response:
    """Return a stream's items as events; what refuses it at once is raised."""
    first = asyncio.ensure_future(anext(items, _END))
    try:
        await asyncio.wait((first,), timeout=PROMPT)
    except asyncio.CancelledError:
        first.cancel()
        raise
    if first.done() and (error := first.exception()) is not None:
        raise error
    return EventSourceResponse(_events(first, items))


async def _events(first: Awaitable[Any], items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    number = 0
    try:
        item = await first
        while item is not _END:
            number += 1
            yield {"event": "item", "id": str(number), "data": written(item)}
            item = await anext(items, _END)
        yield {"event": "end", "data": "{}"}
    except LLMAgentOSError as error:
        yield {"event": "error", "data": bytes(problem(error).body).decode()}
    finally:
        await items.aclose()  # type: ignore[attr-defined]  # it is a generator


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise InvalidArgument(f"an idempotency key has 1 to {LONGEST_KEY} characters")
    return key
