"""What a program does over HTTP, against a real daemon."""

from __future__ import annotations

import json
import socket
import struct
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import House


class Http:
    """Requests with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def post(
        self,
        name: str,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/v1/syscalls/{name}",
            data=json.dumps(body or {}).encode(),
            headers={
                "Authorization": f"Bearer {token or self.token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read().decode()
                kind = response.headers["Content-Type"]
                return response.status, json.loads(text) if "json" in kind else text
        except urllib.error.HTTPError as error:
            with error:
                assert error.headers["Content-Type"] == "application/problem+json"
                return error.code, json.loads(error.read())

    def begin(self, name: str, *lines: str, body: bytes = b"") -> socket.socket:
        """Send the beginning of a request and leave the rest to the caller."""
        address = urlsplit(self.url)
        sock = socket.create_connection((address.hostname, address.port), timeout=30)
        head = [
            f"POST /api/v1/syscalls/{name} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            *lines,
        ]
        try:
            sock.sendall("\r\n".join([*head, "", ""]).encode() + body)
        except OSError:
            sock.close()
            raise
        return sock

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as response:
            return response.read().decode()


@pytest.fixture(scope="module")
def http(house: House) -> Http:
    return Http(house.when_ready()["url"], house.aos("token", "create", "tests").out.strip())


def test_typed_json_goes_in_and_comes_out(http: Http) -> None:
    assert http.post("memory.put", {"key": "over-http", "value": [1, 2]}) == (200, {"result": None})
    status, found = http.post("memory.get", {"key": "over-http"})
    assert status == 200 and found["result"]["value"] == [1, 2]


def test_errors_are_problem_details(http: Http) -> None:
    status, said = http.post("memory.get", {"key": 5})
    assert (status, said["code"]) == (422, "EINVAL") and "key" in said["detail"]
    assert http.post("memory.get", {"key": "nowhere"})[0] == 404
    assert http.post("nope.nope")[0] == 404
    assert http.post("process.inspect", {"pid": 1}, token="aos_foreign")[0] == 401


def test_token_does_what_it_is_granted_and_nothing_else(http: Http, house: House) -> None:
    narrow = house.aos("token", "create", "narrow", "--cap", "clock.*").out.strip()
    assert http.post("clock.now", token=narrow)[0] == 200
    status, said = http.post("memory.ls", token=narrow)
    assert (status, said["code"]) == (403, "EPERM")


def test_revoked_token_stops_working(http: Http, house: House) -> None:
    made = house.aos("token", "create", "short", "--json").json()
    house.aos("token", "revoke", made["info"]["id"])
    assert http.post("clock.now", token=made["secret"])[0] == 401


def test_stream_comes_as_server_sent_events(http: Http) -> None:
    status, text = http.post(
        "model.stream", {"messages": [{"role": "user", "content": "what is 2 plus 3"}]}
    )
    assert status == 200
    assert "event: item" in text and "event: end" in text


def test_openapi_names_every_syscall_with_its_docstring(http: Http, house: House) -> None:
    document = json.loads(http.get("/openapi.json"))
    known = {one["name"] for one in house.aos("syscalls", "--json").json()}
    paths = {path.rpartition("/")[2] for path in document["paths"]}
    assert paths == known
    operation = document["paths"]["/api/v1/syscalls/memory.put"]["post"]
    assert "Remember a value" in operation["description"]
    assert json.loads(http.get("/healthz")) == {"status": "ok"}
    assert json.loads(http.get("/readyz")) == {"status": "ready"}
    assert "memory.put" in http.get("/docs")


def test_clients_that_hang_up_leave_nothing_behind(http: Http, house: House) -> None:
    before = house.status()
    for name in ("system.events", "ipc.recv"):
        waiting = [http.begin(name, "Content-Length: 2", body=b"{}") for _ in range(4)]
        unfinished = http.begin(name, "Transfer-Encoding: chunked", body=b"5\r\n{")
        while house.status()["in_flight"] < before["in_flight"] + len(waiting):
            pass
        for number, sock in enumerate([*waiting, unfinished]):
            if number % 2:  # These are reset, the others closed.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        while house.status()["in_flight"] > before["in_flight"]:
            pass
    assert house.status()["services"] == before["services"]


def test_clients_that_are_gone_before_their_answer_do_not_end_the_gateway(
    http: Http, house: House
) -> None:
    before = house.status()["services"]
    for _ in range(50):
        with suppress(ConnectionError):  # The answer may come before all has been sent.
            http.begin("clock.now", f"X: {'y' * 200_000}").close()
    assert house.status()["services"] == before
    assert http.post("clock.now")[0] == 200


def test_body_that_is_announced_too_long_is_refused_at_once(http: Http) -> None:
    with http.begin("clock.now", f"Content-Length: {10**12}", body=b"{}") as sock:
        assert sock.recv(12) == b"HTTP/1.1 413"


def test_repeated_request_has_its_effect_once(http: Http, house: House) -> None:
    all_of_it = house.aos("token", "create", "all", "--cap", "*").out.strip()
    key = {"Idempotency-Key": "once"}

    def make(name: str) -> tuple[int, Any]:
        return http.post("system.token_create", {"name": name}, all_of_it, key)

    first = make("repeated")
    assert first[0] == 200 and make("repeated") == first
    assert make("other")[0] == 422
    tokens = http.post("system.token_ls", token=all_of_it)[1]["result"]
    assert len([one for one in tokens if one["name"] == "repeated"]) == 1
