from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from starlette.testclient import TestClient

from llmagentos.syscalls.model import Embeddings, ModelInfo, Usage

from .conftest import System

URL = "/embeddings"


def vectors(count: int) -> Embeddings:
    usage = Usage(input_tokens=count, output_tokens=0)
    return Embeddings(vectors=[[0.6, 0.8]] * count, usage=usage, model="tiny-1")


def test_texts_become_vectors(http: TestClient, system: System) -> None:
    system.replies = [vectors(2)]
    said = http.post(URL, json={"model": "default", "input": ["a", "b"]}).json()
    assert said == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": [0.6, 0.8]} for place in (0, 1)
        ],
        "model": "tiny-1",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    assert system.calls == [("model.embed", {"texts": ["a", "b"]}, None, -7)]


def test_vector_in_base64_is_its_numbers_of_32_bits(http: TestClient, system: System) -> None:
    system.replies = [vectors(1)]
    ask = {"model": "tiny-1", "input": "a", "encoding_format": "base64", "dimensions": 2}
    (one,) = http.post(URL, json=ask).json()["data"]
    numbers = struct.unpack("<2f", base64.b64decode(one["embedding"]))
    assert numbers == pytest.approx((0.6, 0.8))


def test_many_texts_are_several_calls(http: TestClient, system: System) -> None:
    system.replies = [vectors(256), vectors(44)]
    said = http.post(URL, json={"model": "default", "input": ["a"] * 300}).json()
    assert len(said["data"]) == said["usage"]["total_tokens"] == 300
    assert [len(call[1]["texts"]) for call in system.calls] == [256, 44]


def test_a_model_for_sentences_is_what_can_be_named(http: TestClient, system: System) -> None:
    system.replies = [vectors(1)]
    system.models.append(
        ModelInfo(
            target="hf:there",
            name="sentences-1",
            active=False,
            device="local",
            state="ready",
            flags=["embed", "sentences"],
        )
    )
    assert http.post(URL, json={"model": "sentences-1", "input": "a"}).status_code == 200
    assert http.post(URL, json={"model": "tiny-1", "input": "a"}).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status", "param"),
    [
        ({"input": ""}, 400, "input"), ({"input": []}, 400, "input"),
        ({"input": ["a", ""]}, 400, "input"), ({"input": [1, 2]}, 400, "input[0]"),
        ({"input": "a", "dimensions": 3}, 400, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, 400, "encoding_format"),
        ({"input": "a", "model": "big"}, 404, "model"),
    ],
)  # fmt: skip
def test_wrong_field_is_named(
    http: TestClient, system: System, wrong: Any, status: int, param: str
) -> None:
    system.replies = [vectors(1)]
    answer = http.post(URL, json={"model": "default", **wrong})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
