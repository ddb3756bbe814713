from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from llmagentos.syscalls.errors import DeviceError, InvalidArgument, QuotaExceeded

from .conftest import CALL, TOOL, System, events, pieces, reply, token

URL = "/chat/completions"
HELLO: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "Hi"}]}


def ask(http: TestClient, **more: Any) -> Any:
    answer = http.post(URL, json={**HELLO, **more})
    assert answer.status_code == 200, answer.text
    return answer.json() if not more.get("stream") else events(answer.text)


def refused(http: TestClient, **more: Any) -> Any:
    answer = http.post(URL, json={**HELLO, **more})
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def test_reply_comes_with_what_it_has_used(http: TestClient, system: System) -> None:
    said = ask(http)
    assert said["object"] == "chat.completion" and said["model"] == "tiny-1"
    assert said["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert said["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    ((name, arguments, deadline, behalf),) = system.calls
    assert (name, deadline, behalf) == ("model.chat", None, -7)
    assert arguments == {"messages": [{"role": "user", "content": "Hi"}], "model": None}


def test_what_says_how_a_reply_is_drawn_reaches_the_model(http: TestClient, system: System) -> None:
    drawn = {
        "temperature": 1, "top_p": 0.5, "top_k": 3, "min_p": 0.1, "presence_penalty": 1.5,
        "frequency_penalty": -1, "repetition_penalty": 1.1, "seed": 4,
    }  # fmt: skip
    ask(http, **drawn, stop="END", max_tokens=9, user="u", metadata={"a": "b"}, store=True)
    assert system.asked == {
        "messages": HELLO["messages"], "model": None, **drawn, "stop": ["END"], "max_tokens": 9,
    }  # fmt: skip
    ask(http, top_p=0, max_tokens=9, max_completion_tokens=5, stop=["a", "b"])
    assert 0 < system.asked["top_p"] < 1e-6
    assert (system.asked["max_tokens"], system.asked["stop"]) == (5, ["a", "b"])


def test_deadline_and_model_reach_the_device(http: TestClient, system: System) -> None:
    http.post(URL, json={**HELLO, "model": "mini"}, headers={"X-Deadline-Seconds": "2"})
    (_, arguments, deadline, _) = system.calls[-1]
    assert (arguments["model"], deadline) == ("tiny-1", 2.0)
    ask(http, model="gpt-4o")
    assert system.asked["model"] is None
    ask(http, model="another")
    assert system.asked["model"] == "another"


def test_conversation_with_calls_and_parts_is_passed_on(http: TestClient, system: System) -> None:
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": one} for one in "ab"]},
        {"role": "user", "content": "Add", "name": "bob"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
    ]  # fmt: skip
    ask(http, messages=messages)
    assert system.asked["messages"] == [
        {"role": "developer", "content": "a\nb"},
        messages[1],
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        messages[3],
    ]


def test_tools_are_offered_and_calls_come_back(http: TestClient, system: System) -> None:
    system.replies = [reply("", CALL)]
    (choice,) = ask(http, tools=[TOOL], tool_choice="auto")["choices"]
    assert system.asked["tools"] == [TOOL] and "grammar" not in system.asked
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL],
    }  # fmt: skip


def test_one_call_at_a_time_is_one_call(http: TestClient, system: System) -> None:
    system.replies = [reply("", CALL, {**CALL, "id": "call_2"})]
    (choice,) = ask(http, tools=[TOOL], parallel_tool_calls=False)["choices"]
    assert choice["message"]["tool_calls"] == [CALL]


def test_tools_that_must_not_be_called_are_not_offered(http: TestClient, system: System) -> None:
    ask(http, tools=[TOOL], tool_choice="none")
    assert "tools" not in system.asked


@pytest.mark.parametrize(
    ("choice", "told", "finish"),
    [
        ("required", "required", "tool_calls"),
        ({"type": "function", "function": {"name": "add"}}, "add", "stop"),
    ],
)
def test_model_that_must_call_is_told_so(
    http: TestClient, system: System, choice: Any, told: str, finish: str
) -> None:
    system.replies = [reply("", CALL)]
    (said,) = ask(http, tools=[TOOL], tool_choice=choice)["choices"]
    assert system.asked["tool_choice"] == told and "grammar" not in system.asked
    assert (said["message"]["tool_calls"], said["finish_reason"]) == ([CALL], finish)
    assert said["message"]["content"] is None


def test_call_that_was_cut_off_stays_a_text(http: TestClient, system: System) -> None:
    system.replies = [reply('{"name": "add", "argu', finish_reason="length")]
    (said,) = ask(http, tools=[TOOL], response_format={"type": "json_object"})["choices"]
    assert said["finish_reason"] == "length" and "tool_calls" not in said["message"]


def test_format_becomes_a_grammar(http: TestClient, system: System) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    ask(
        http,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    )
    assert system.asked["grammar"] == {"json_schema": schema}
    ask(http, response_format={"type": "json_object"})
    assert system.asked["grammar"] == {"json_schema": {"type": "object"}}
    ask(http, response_format={"type": "text"})
    assert "grammar" not in system.asked


def test_answer_in_json_may_be_a_call_where_tools_are_offered(
    http: TestClient, system: System
) -> None:
    schema = {"$ref": "#/$defs/P", "$defs": {"P": {"type": "object"}}}
    more: dict[str, Any] = {
        "tools": [TOOL],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    }
    system.replies = [reply('{"x": 1}'), reply('{"name": "add", "arguments": {}}')]
    (said,) = ask(http, **more)["choices"]
    assert said["message"]["content"] == '{"x": 1}' and said["finish_reason"] == "stop"
    grammar = system.asked["grammar"]["json_schema"]
    assert grammar["anyOf"][1] == {"$ref": "#/$defs/reply_P"}
    assert grammar["$defs"] == {"reply_P": {"type": "object"}}
    (said,) = ask(http, **more)["choices"]
    assert said["message"]["tool_calls"][0]["function"]["name"] == "add"


def test_several_replies_are_several_calls(http: TestClient, system: System) -> None:
    system.replies = [reply("one"), reply("two"), reply("three")]
    said = ask(http, n=3, seed=5)
    assert [one["message"]["content"] for one in said["choices"]] == ["one", "two", "three"]
    assert sorted(call[1]["seed"] for call in system.calls) == [5, 6, 7]
    assert said["usage"]["total_tokens"] == 30


def test_one_of_several_that_fails_ends_the_request(http: TestClient, system: System) -> None:
    system.replies = [reply("one"), DeviceError("it burns")]
    answer = http.post(URL, json={**HELLO, "n": 2})
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "it burns")


def test_conversation_that_is_too_long_has_the_code_that_clients_know(
    http: TestClient, system: System
) -> None:
    system.replies = [InvalidArgument("it has 600 tokens", context=512)]
    answer = http.post(URL, json=HELLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_log_probabilities_stand_with_their_tokens(http: TestClient, system: System) -> None:
    system.replies = [reply("é", logprobs=[token("é")])]
    (said,) = ask(http, logprobs=True, top_logprobs=1)["choices"]
    assert (system.asked["logprobs"], system.asked["top_logprobs"]) == (True, 1)
    entry = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    assert said["logprobs"] == {"content": [{**entry, "top_logprobs": [entry]}], "refusal": None}


def test_stream_begins_with_a_role_and_ends_with_done(http: TestClient) -> None:
    *chunks, done = ask(http, stream=True)
    assert done == "[DONE]" and {one["object"] for one in chunks} == {"chat.completion.chunk"}
    assert len({one["id"] for one in chunks}) == 1 and "usage" not in chunks[0]
    assert [one["choices"][0]["delta"] for one in chunks] == [
        {"role": "assistant", "content": "Hello "}, {"content": "there"}, {},
    ]  # fmt: skip
    assert [one["choices"][0]["finish_reason"] for one in chunks] == [None, None, "stop"]


def test_stream_tells_what_it_has_used_where_that_is_asked_for(http: TestClient) -> None:
    *chunks, last, done = ask(http, stream=True, stream_options={"include_usage": True})
    assert done == "[DONE]"
    assert [one["usage"] for one in chunks] == [None] * 3
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 10


def test_streamed_calls_are_numbered(http: TestClient, system: System) -> None:
    system.streams = [pieces(calls=(CALL, {**CALL, "id": "call_2"}))]
    chunks = ask(http, stream=True, tools=[TOOL])[:-1]
    (calls,) = [
        d["tool_calls"] for d in (c["choices"][0]["delta"] for c in chunks) if "tool_calls" in d
    ]
    assert calls == [{"index": 0, **CALL}, {"index": 1, **CALL, "id": "call_2"}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_streamed_text_that_is_a_call_comes_as_one(http: TestClient, system: System) -> None:
    system.streams = [pieces('{"name": "add",', ' "arguments": {}}')]
    form = {"type": "json_object"}
    chunks = ask(http, stream=True, tools=[TOOL], response_format=form)[:-1]
    deltas = [one["choices"][0]["delta"] for one in chunks]
    assert "".join(one.get("content") or "" for one in deltas) == ""
    assert deltas[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": "{}"}


def test_streamed_replies_are_told_apart(http: TestClient, system: System) -> None:
    system.streams = [pieces("a", "b"), pieces("c")]
    texts = {0: "", 1: ""}
    for one in ask(http, stream=True, n=2)[:-1]:
        (choice,) = one["choices"]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert sorted(texts.values()) == ["ab", "c"]


def test_stream_that_is_refused_at_once_has_a_status(http: TestClient, system: System) -> None:
    system.streams = [[QuotaExceeded("nothing is left")]]
    answer = http.post(URL, json={**HELLO, "stream": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")


def test_stream_that_fails_midway_says_so_and_is_not_done(http: TestClient, system: System) -> None:
    system.streams = [[*pieces("Hel")[:1], DeviceError("it burns")], pieces("never", "heard")]
    *_, last = ask(http, stream=True)
    assert last == {
        "error": {
            "message": "it burns", "type": "server_error", "param": None,
            "code": "device_unavailable",
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 17}, "n"),
        ({"n": True}, "n"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 2**63 - 1}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"functions": [{}]}, "functions"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "no"}}},
            "tool_choice",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
    ],
)
def test_wrong_field_is_named(http: TestClient, system: System, wrong: Any, param: str) -> None:
    error = refused(http, **wrong)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"] and system.calls == []


def test_missing_field_is_named(http: TestClient) -> None:
    answer = http.post(URL, json={"messages": HELLO["messages"]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "model")
    assert error["code"] == "missing_required_parameter"


def test_fields_that_nobody_knows_are_ignored(http: TestClient) -> None:
    ask(http, wizardry={"level": 9}, service_tier="auto", logit_bias={}, functions=None)
    assert json.dumps(ask(http, reasoning_effort="low"))
