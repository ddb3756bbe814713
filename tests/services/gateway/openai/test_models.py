from __future__ import annotations

from dataclasses import replace

from starlette.testclient import TestClient

from .conftest import System


def test_what_runs_is_listed_with_the_names_that_stand_for_it(
    http: TestClient, system: System
) -> None:
    said = http.get("/models").json()
    assert said["object"] == "list"
    assert [one["id"] for one in said["data"]] == ["tiny-1", "default", "gpt-4o", "mini"]
    assert said["data"][2] == {
        "id": "gpt-4o", "object": "model", "created": 0, "owned_by": "local", "root": "tiny-1",
        "max_model_len": 512,
    }  # fmt: skip
    assert system.calls == [("model.ls", {}, None, -7)]


def test_one_model_is_found_by_its_name_alone(http: TestClient) -> None:
    assert http.get("/models/mini").json()["root"] == "tiny-1"
    for name in ("big", "a/b", "x" * 3000):
        answer = http.get(f"/models/{name}")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "model_not_found")
        assert len(answer.content) < 500


def test_model_that_is_loading_is_listed_where_it_was_chosen(
    http: TestClient, system: System
) -> None:
    system.models = [replace(one, state="loading", active=False) for one in system.models]
    found = http.get("/models").json()["data"]
    assert [one["id"] for one in found] == ["tiny-1", "default", "gpt-4o", "mini"]


def test_nothing_is_listed_while_nothing_runs(http: TestClient, system: System) -> None:
    system.models = [replace(one, state="failed: no memory") for one in system.models]
    assert http.get("/models").json() == {"object": "list", "data": []}
