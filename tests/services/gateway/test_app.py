from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message

from llmagentos.services.gateway.problems import STATUS
from llmagentos.syscalls.errors import BY_CODE, DeadlineExceeded, InDoubt, NotFound

from .conftest import BUSY, System

DOUBLE = "/api/v1/syscalls/workshop.double"
PROBLEM = "application/problem+json"


def test_call_runs_with_the_rights_of_its_token(http: TestClient, system: System) -> None:
    answer = http.post(DOUBLE, json={"number": 4}, headers={"X-Deadline-Seconds": "2.5"})
    assert (answer.status_code, answer.json()) == (200, {"result": 8})
    assert system.calls == [("workshop.double", {"number": 4}, 2.5, -7)]


def test_empty_body_is_a_call_without_arguments(http: TestClient) -> None:
    assert http.post(DOUBLE).json() == {"result": 0}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer bad", "Basic good", "Bearer é", "good"])
def test_request_without_a_token_that_holds_is_challenged(http: TestClient, header: str) -> None:
    answer = http.post(DOUBLE, headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == PROBLEM


def test_token_revoked_while_it_is_remembered_is_challenged_too(
    http: TestClient, system: System
) -> None:
    assert http.post(DOUBLE).status_code == 200
    del system.tokens["good"]
    system.failure = BY_CODE["EPERM"]("-7 is no call that process 5 is serving")
    assert http.post(DOUBLE).status_code == 401


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_has_a_status_a_code_and_a_place_where_it_is_explained(
    http: TestClient, system: System, code: str
) -> None:
    system.failure = BY_CODE[code](
        "why it did not work", hint=[1], bytes=b"\x00", gone=float("nan")
    )
    answer = http.post(DOUBLE)
    said = answer.json()
    assert answer.status_code == said["status"] == STATUS[code]
    assert answer.headers["Content-Type"] == PROBLEM
    assert (said["code"], said["detail"]) == (code, "why it did not work")
    assert (said["hint"], said["bytes"], said["gone"]) == ([1], "AA==", None)
    page, anchor = said["type"].split("#")
    assert f"id={anchor}>" in http.get(page).text


def test_busy_system_says_when_to_try_again(http: TestClient, system: System) -> None:
    system.failure = BUSY
    answer = http.post(DOUBLE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_result_that_json_cannot_carry_is_no_defect(http: TestClient, system: System) -> None:
    system.result = {"bytes": b"\xff", 5: float("inf")}
    assert http.post(DOUBLE).json() == {"result": {"bytes": "/w==", "5": None}}
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    system.result = deep
    assert http.post(DOUBLE).json()["code"] == "E2BIG"


def test_defect_of_ours_is_a_problem_that_tells_nothing_of_it(
    http: TestClient, system: System
) -> None:
    system.result = object()
    answer = http.post(DOUBLE)
    assert (answer.status_code, answer.json()["code"]) == (500, "EINTERNAL")
    assert "object" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", DOUBLE, 405), ("POST", DOUBLE + "/", 404), ("GET", "/nowhere", 404),
     ("DELETE", "/docs", 405), ("POST", "/api/v1/syscalls/no.such", 404),
     ("POST", "/api/v1/syscalls/" + "n" * 9000, 404)],
)  # fmt: skip
def test_what_is_not_there_is_a_problem(
    http: TestClient, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["Content-Type"] == PROBLEM
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "", "127.0.0.2"])
def test_request_for_another_host_is_refused(http: TestClient, host: str) -> None:
    assert http.get("/healthz", headers={"Host": host}).status_code == 421
    assert http.get("/healthz", headers={"Host": "[::1]:8765"}).status_code == 200


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf", "86401"])
def test_deadline_that_is_none_is_named(http: TestClient, seconds: str) -> None:
    answer = http.post(DOUBLE, headers={"X-Deadline-Seconds": seconds})
    assert answer.status_code == 422 and seconds in answer.json()["detail"]


def test_pages_and_probes_answer_without_a_token(http: TestClient, system: System) -> None:
    del http.headers["Authorization"]
    assert http.get("/").headers["Location"] == "/docs"
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.head("/readyz").status_code == 200
    system.ready = False
    assert http.get("/readyz").status_code == 503


def test_reference_escapes_what_a_plugin_says_and_loads_nothing(http: TestClient) -> None:
    page = http.get("/docs").text
    assert "<code>number</code> twice &amp; more." in page
    assert "<script" not in page and "src=" not in page and "http" not in page


def test_stream_comes_as_numbered_events_and_ends(http: TestClient) -> None:
    answer = http.post("/api/v1/syscalls/workshop.count", json={"to": 2})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [event.splitlines() for event in answer.text.strip().split("\r\n\r\n")]
    assert events == [
        ["id: 1", "event: item", "data: 0"],
        ["id: 2", "event: item", "data: 1"],
        ["event: end", "data: {}"],
    ]


def test_stream_that_fails_midway_says_so_in_its_last_event(http: TestClient) -> None:
    text = http.post("/api/v1/syscalls/workshop.count", json={"to": 3}).text
    assert text.count("event: item") == 3
    assert "event: error" in text and '"code":"ENOENT"' in text and "event: end" not in text


def test_stream_that_is_refused_at_once_has_a_status_of_its_own(
    http: TestClient, system: System
) -> None:
    system.failure = NotFound("there is nothing to count")
    answer = http.post("/api/v1/syscalls/workshop.count", json={"to": 2})
    assert (answer.status_code, answer.json()["code"]) == (404, "ENOENT")


def test_repeated_request_gets_the_first_answer_and_runs_once(
    http: TestClient, system: System
) -> None:
    key = {"Idempotency-Key": "k"}
    first = http.post(DOUBLE, json={"number": 4}, headers=key)
    again = http.post(DOUBLE, json={"number": 4}, headers=key)
    assert again.content == first.content and again.headers["Idempotent-Replay"] == "true"
    assert len(system.calls) == 1
    assert http.post(DOUBLE, json={"number": 5}, headers=key).status_code == 422
    someone = {**key, "Authorization": "Bearer other"}
    assert http.post(DOUBLE, json={"number": 5}, headers=someone).json() == {"result": 10}


def test_call_that_may_have_had_its_effect_is_not_made_again(
    http: TestClient, system: System
) -> None:
    for number, error in enumerate((InDoubt(), DeadlineExceeded())):
        key = {"Idempotency-Key": str(number)}
        system.failure = error
        first = http.post(DOUBLE, headers=key)
        system.failure = None
        again = http.post(DOUBLE, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Content-Type"] == PROBLEM
    assert len(system.calls) == 2


def test_call_that_was_refused_may_be_tried_again(http: TestClient, system: System) -> None:
    key = {"Idempotency-Key": "k"}
    system.failure = BUSY
    assert http.post(DOUBLE, headers=key).status_code == 429
    system.failure = None
    assert http.post(DOUBLE, headers=key).status_code == 200


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_key_out_of_bounds_is_refused(http: TestClient, key: str) -> None:
    assert http.post(DOUBLE, headers={"Idempotency-Key": key}).status_code == 422


class Hanging:
    """A client that hangs up once its call is on its way."""

    def __init__(self, system: System, headers: dict[str, str]) -> None:
        self._system = system
        self._messages: list[Message] = [{"type": "http.request", "body": b"{}"}]
        self.sent: list[Message] = []
        self.scope = {
            "type": "http", "method": "POST", "path": "/api/v1/syscalls/workshop.endless",
            "query_string": b"", "http_version": "1.1", "scheme": "http",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self._system.began.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


def test_client_that_hangs_up_takes_its_call_back(app: ASGIApp, system: System) -> None:
    client = Hanging(system, {"Host": "localhost", "Authorization": "Bearer good"})
    asyncio.run(_within(app(client.scope, client.receive, client.send)))
    assert system.cancelled


async def _within(work: Any) -> None:
    async with asyncio.timeout(60):
        await work
