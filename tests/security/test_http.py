"""Whoever speaks HTTP without a right gets no further than a refusal."""

from __future__ import annotations

import json
import socket

import pytest

from .conftest import Fort

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def token(fort: Fort) -> str:
    return fort.token("--principal", "alice", "web")


def test_no_route_but_that_of_health_works_without_a_token(fort: Fort) -> None:
    for method, path in (
        ("POST", "/api/v1/syscalls/clock.now"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/default"),
        ("GET", "/v1/responses/x"),
        ("DELETE", "/v1/responses/x"),
    ):
        status, _, headers = fort.request(method, path, "{}")
        assert status == 401 and headers["www-authenticate"].startswith("Bearer"), path
    assert fort.request("GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:80", "169.254.169.254", ""]
)
def test_name_that_was_bent_to_this_machine_is_refused(fort: Fort, host: str) -> None:
    assert fort.request("GET", "/healthz", headers={"Host": host})[0] == 421


def test_page_of_another_origin_is_allowed_nothing(fort: Fort, token: str) -> None:
    asked = {
        "Origin": "https://evil.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    status, _, headers = fort.request("OPTIONS", "/api/v1/syscalls/clock.now", headers=asked)
    assert status == 405 and not [one for one in headers if one.startswith("access-control")]
    headers = fort.call(token, "clock.now")[2]
    assert not [one for one in headers if one.startswith("access-control")]
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    # What a form can send without being asked first.
    plain = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
    assert fort.request("POST", "/api/v1/syscalls/clock.now", "{}", plain)[0] == 415


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "clock.now%00",
        "clock.now/../x",
        "a" * 5000,
    ],
)
def test_path_leads_to_syscalls_and_nowhere_else(fort: Fort, token: str, name: str) -> None:
    status, said, _ = fort.request(
        "POST", f"/api/v1/syscalls/{name}", "{}", {"Authorization": f"Bearer {token}"}
    )
    assert status in (400, 404) and "root:" not in json.dumps(said)


def test_no_answer_tells_of_the_house_behind_it(fort: Fort, token: str) -> None:
    for body in ("[]", '{"key": ', '{"key": NaN}', "[" * 100_000, '{"key": 1e999}', '"\\ud800"'):
        status, said, headers = fort.request(
            "POST", "/api/v1/syscalls/memory.get", body, {"Authorization": f"Bearer {token}"}
        )
        assert status in (400, 422)
        assert headers["content-type"] == "application/problem+json"
        text = json.dumps(said)
        assert "Traceback" not in text and ".py" not in text and str(fort.state) not in text
        assert "server" not in headers


def test_body_is_bounded_whatever_its_length_is_said_to_be(fort: Fort, token: str) -> None:
    where = fort.where()
    for head in ("content-length: 99999999999", "transfer-encoding: chunked"):
        with socket.create_connection((str(where.hostname), int(where.port or 0))) as sock:
            sock.settimeout(30)
            sock.sendall(
                (
                    f"POST /api/v1/syscalls/clock.now HTTP/1.1\r\nhost: localhost\r\n"
                    f"authorization: Bearer {token}\r\n{head}\r\n\r\n"
                ).encode()
            )
            if "chunked" in head:
                chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
                try:
                    for _ in range(20):
                        sock.sendall(chunk)
                except (ConnectionError, TimeoutError):
                    pass
            assert sock.recv(64).startswith(b"HTTP/1.1 413 ")


def test_no_request_leaves_http_for_another_protocol(fort: Fort) -> None:
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert fort.request("GET", "/healthz", headers=asked)[0] == 200


def test_requests_are_not_smuggled(fort: Fort, token: str) -> None:
    where = fort.where()
    with socket.create_connection((str(where.hostname), int(where.port or 0))) as sock:
        sock.settimeout(30)
        sock.sendall(
            (
                "POST /api/v1/syscalls/clock.now HTTP/1.1\r\nhost: localhost\r\n"
                f"authorization: Bearer {token}\r\ncontent-length: 2\r\n"
                "transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
            ).encode()
        )
        assert sock.recv(64).startswith(b"HTTP/1.1 400 ")


def test_guesses_are_slowed_down_and_a_token_that_was_revoked_is_none(fort: Fort) -> None:
    mine = fort.token("mine")
    assert fort.call(mine, "clock.now")[0] == 200
    (id,) = (one["id"] for one in fort.aos("token", "ls", "--json").json() if one["name"] == "mine")
    near = mine[:-1] + ("A" if mine[-1] != "A" else "B")
    statuses = [fort.call(near, "clock.now")[0] for _ in range(40)]
    assert statuses[0] == 401 and 429 in statuses and 200 not in statuses
    assert fort.call(mine, "clock.now")[0] == 200
    fort.aos("token", "revoke", id)
    assert fort.call(mine, "clock.now")[0] in (401, 429)
    stored = (fort.state / "tokens.json").read_text()
    assert mine not in stored and (fort.state / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_token_that_asks_too_often_is_told_when_to_come_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One request, and the next one after a quarter of an hour: so slow is no machine."""
    patient = Fort(tmp_path_factory.mktemp("patient") / "s")
    patient.environment["LLMAGENTOS_SERVICES__GATEWAY__SETTINGS__RATE"] = "0.001"
    try:
        patient.aos("start")
        patient.when_ready()
        mine, other = patient.token("busy"), patient.token("other")
        assert patient.call(mine, "clock.now")[0] == 200
        for path in ("/api/v1/syscalls/clock.now", "/v1/chat/completions"):
            status, _, headers = patient.request(
                "POST", path, "{}", {"Authorization": f"Bearer {mine}"}
            )
            assert status == 429 and 500 < int(headers["retry-after"]) <= 1000, path
        assert patient.call(mine, "clock.now")[1]["code"] == "EAGAIN"
        assert patient.call(other, "clock.now")[0] == 200
    finally:
        patient.aos("stop", check=False)
