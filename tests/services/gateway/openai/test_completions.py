from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import System, events, pieces, reply, token

URL = "/completions"


def ask(http: TestClient, **more: Any) -> Any:
    answer = http.post(URL, json={"model": "default", "prompt": "Hi", **more})
    assert answer.status_code == 200, answer.text
    return answer.json() if not more.get("stream") else events(answer.text)


def test_prompt_is_put_as_a_message(http: TestClient, system: System) -> None:
    said = ask(http, max_tokens=5)
    assert said["object"] == "text_completion" and said["usage"]["total_tokens"] == 10
    assert said["choices"] == [
        {"index": 0, "text": "Hello there", "logprobs": None, "finish_reason": "stop"}
    ]
    assert system.asked["messages"] == [{"role": "user", "content": "Hi"}]
    assert system.asked["max_tokens"] == 5


def test_prompts_are_answered_in_their_order_each_as_often_as_asked(
    http: TestClient, system: System
) -> None:
    said = ask(http, prompt=["a", "b"], n=2, echo=True, best_of=2)
    assert [one["index"] for one in said["choices"]] == [0, 1, 2, 3]
    prompts = sorted(call[1]["messages"][0]["content"] for call in system.calls)
    assert prompts == ["a", "a", "b", "b"]
    assert [one["text"][:1] for one in said["choices"]] == ["a", "a", "b", "b"]


def test_log_probabilities_stand_in_columns(http: TestClient, system: System) -> None:
    system.replies = [reply("ab", logprobs=[token("a"), token("b", -1)])]
    (said,) = ask(http, logprobs=1)["choices"]
    assert said["logprobs"] == {
        "tokens": ["a", "b"],
        "token_logprobs": [-0.5, -1],
        "top_logprobs": [{"a": -0.5}, {"b": -1}],
        "text_offset": [0, 1],
    }


def test_stream_echoes_first_and_ends_with_done(http: TestClient, system: System) -> None:
    system.streams = [pieces("x", "y")]
    *chunks, last, done = ask(http, stream=True, echo=True, stream_options={"include_usage": True})
    assert [one["choices"][0]["text"] for one in chunks] == ["Hix", "y", ""]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert (last["usage"]["total_tokens"], done) == (10, "[DONE]")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"prompt": []}, "prompt"), ({"prompt": [1, 2]}, "prompt[0]"),
        ({"prompt": ["x"] * 9, "n": 2}, "prompt"), ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"), ({"echo": True, "logprobs": 1}, "echo"),
    ],
)  # fmt: skip
def test_wrong_field_is_named(http: TestClient, system: System, wrong: Any, param: str) -> None:
    answer = http.post(URL, json={"model": "default", "prompt": "Hi", **wrong})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert system.calls == []
