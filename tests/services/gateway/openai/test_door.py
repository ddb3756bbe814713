from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message

from llmagentos.services.gateway.body import LIMIT
from llmagentos.syscalls.errors import BY_CODE, TryAgain

from .conftest import System, pieces

URL = "/chat/completions"
HELLO: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("path", ["/models", "/chat/completions", "/responses", "/responses/x"])
@pytest.mark.parametrize("header", ["", "Bearer bad", "Basic good"])
def test_stranger_is_told_so_as_openai_does(http: TestClient, path: str, header: str) -> None:
    method = "GET" if path in ("/models", "/responses/x") else "POST"
    answer = http.request(method, path, headers={"Authorization": header})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (401, "invalid_api_key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_token_revoked_while_it_is_remembered_is_a_stranger(
    http: TestClient, system: System
) -> None:
    assert http.post(URL, json=HELLO).status_code == 200
    system.replies = [BY_CODE["EPERM"]("-7 is no call that process 5 is serving")]
    assert http.post(URL, json=HELLO).status_code == 403
    del system.tokens["good"]
    assert http.post(URL, json=HELLO).status_code == 401


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("EPERM", 403, "permission_denied"), ("EDQUOT", 429, "insufficient_quota"),
        ("EAGAIN", 429, "rate_limit_exceeded"), ("ETIMEDOUT", 504, "timeout"),
        ("EINVAL", 400, "invalid_value"), ("ENOENT", 404, "model_not_found"),
        ("EDEVICE", 503, "device_unavailable"), ("E2BIG", 413, "request_too_large"),
        ("EINTERNAL", 500, "internal_error"), ("ECANCELED", 499, "cancelled"),
    ],
)  # fmt: skip
def test_error_has_the_status_that_clients_expect(
    http: TestClient, system: System, code: str, status: int, kind: str
) -> None:
    system.replies = [BY_CODE[code]("why it did not work")]
    answer = http.post(URL, json=HELLO)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (
        status, kind, "why it did not work",
    )  # fmt: skip
    assert error.keys() == {"message", "type", "param", "code"}
    final = code in ("EDQUOT", "ETIMEDOUT")
    assert (answer.headers.get("X-Should-Retry") == "false") is final


def test_busy_system_says_when_to_try_again(http: TestClient, system: System) -> None:
    system.replies = [TryAgain("the queue is full", retry_after=2.4)]
    assert http.post(URL, json=HELLO).headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400), (b"[]", "application/json", 400),
        (b"", "application/json", 400), (b"null", "application/json", 400),
        (b'{"model": NaN}', "application/json", 400), (b"\xff", "application/json", 400),
        (b"[" * 10**5, "application/json", 400), (b"a=b", "text/plain", 415),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [URL, "/completions", "/embeddings", "/responses"])
def test_body_that_is_none_is_refused(
    http: TestClient, path: str, body: bytes, kind: str, status: int
) -> None:
    answer = http.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code == status and answer.json()["error"]["message"]


def test_body_that_is_too_large_is_refused(http: TestClient) -> None:
    answer = http.post(
        URL, content=b" " * (LIMIT + 1), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_deadline_that_is_none_is_refused(http: TestClient) -> None:
    answer = http.post(URL, json=HELLO, headers={"X-Deadline-Seconds": "soon"})
    assert answer.status_code == 400 and "soon" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", URL, 405), ("POST", "/audio/speech", 404), ("DELETE", "/models", 405)],
)
def test_route_that_is_not_there_is_refused_as_openai_does(
    http: TestClient, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status and path in answer.json()["error"]["message"]


def test_defect_tells_nothing_of_itself(http: TestClient, system: System) -> None:
    system.replies = [ValueError("secret")]
    answer = http.post(URL, json=HELLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


class Hanging:
    """A client that hangs up once its call is on its way."""

    def __init__(self, system: System, body: Any) -> None:
        self._system = system
        self._messages: list[Message] = [
            {"type": "http.request", "body": json.dumps(body).encode()}
        ]
        headers = {"host": "localhost", "authorization": "Bearer good"}
        self.scope = {
            "type": "http", "method": "POST", "path": f"/v1{URL}", "query_string": b"",
            "http_version": "1.1", "scheme": "http",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self._system.began.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        pass


@pytest.mark.parametrize("n", [1, 3])
def test_client_that_hangs_up_takes_its_calls_back(app: ASGIApp, system: System, n: int) -> None:
    system.replies = [asyncio.Event]

    async def hang_up() -> None:
        client = Hanging(system, {**HELLO, "n": n})
        async with asyncio.timeout(60):
            await app(client.scope, client.receive, client.send)

    asyncio.run(hang_up())
    assert system.cancelled == n


def test_client_that_leaves_a_stream_takes_its_call_back(app: ASGIApp, system: System) -> None:
    system.streams = [[*pieces("Hello")[:1], asyncio.Event]]

    async def leave() -> None:
        client = Hanging(system, {**HELLO, "stream": True})
        async with asyncio.timeout(60):
            await app(client.scope, client.receive, client.send)

    asyncio.run(leave())
    assert system.cancelled == 1
