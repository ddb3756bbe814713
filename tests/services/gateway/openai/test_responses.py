from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from llmagentos.syscalls.errors import DeviceError, QuotaExceeded

from .conftest import CALL, TOOL, System, events, pieces, reply, token

URL = "/responses"
FLAT = {"type": "function", **TOOL["function"]}  # type: ignore[dict-item]


def ask(http: TestClient, **more: Any) -> Any:
    answer = http.post(URL, json={"model": "default", "input": "Hi", **more})
    assert answer.status_code == 200, answer.text
    return answer.json() if not more.get("stream") else events(answer.text)


def test_text_goes_in_and_a_message_comes_out(http: TestClient, system: System) -> None:
    said = ask(http, instructions="Be brief.", max_output_tokens=9, metadata={"a": "b"})
    assert system.asked["messages"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
    ]  # fmt: skip
    assert system.asked["max_tokens"] == 9
    assert (said["object"], said["status"], said["model"]) == ("response", "completed", "tiny-1")
    (message,) = said["output"]
    assert (message["type"], message["role"], message["status"]) == (
        "message", "assistant", "completed",
    )  # fmt: skip
    assert message["content"] == [
        {"type": "output_text", "text": "Hello there", "annotations": [], "logprobs": []}
    ]
    assert said["usage"]["total_tokens"] == 10 and said["metadata"] == {"a": "b"}
    assert (said["instructions"], said["tools"], said["error"]) == ("Be brief.", [], None)


def test_items_become_messages(http: TestClient, system: System) -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Add"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "Well.", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "2"}]},
        {"type": "function_call", "call_id": "c3", "name": "add", "arguments": "{}"},
    ]  # fmt: skip

    def made(id: str) -> Any:
        return {"id": id, "type": "function", "function": {"name": "add", "arguments": "{}"}}

    ask(http, input=items)
    assert system.asked["messages"] == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Add"},
        {"role": "assistant", "content": "Well.", "tool_calls": [made("c1"), made("c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "assistant", "content": None, "tool_calls": [made("c3")]},
    ]


def test_tools_and_format_reach_the_model(http: TestClient, system: System) -> None:
    system.replies = [reply("", CALL)]
    said = ask(http, tools=[{**FLAT, "strict": True}])
    assert system.asked["tools"][0]["function"]["strict"] is True
    (item,) = said["output"]
    assert (item["type"], item["call_id"], item["name"], item["arguments"]) == (
        "function_call", "call_1", "add", '{"a": 1}',
    )  # fmt: skip
    assert said["tools"][0]["name"] == "add"
    schema = {"type": "object"}
    ask(http, text={"format": {"type": "json_schema", "name": "n", "schema": schema}})
    assert system.asked["grammar"] == {"json_schema": schema}
    ask(http, tools=[FLAT], tool_choice={"type": "function", "name": "add"})
    assert system.asked["tool_choice"] == "add"


def test_reply_that_was_cut_off_is_incomplete(http: TestClient, system: System) -> None:
    system.replies = [reply("Hel", finish_reason="length")]
    said = ask(http)
    assert said["status"] == "incomplete"
    assert said["incomplete_details"] == {"reason": "max_output_tokens"}


def test_log_probabilities_come_where_they_are_asked_for(http: TestClient, system: System) -> None:
    system.replies = [reply("a", logprobs=[token("a")])]
    said = ask(http, include=["message.output_text.logprobs"], top_logprobs=1)
    assert said["output"][0]["content"][0]["logprobs"][0]["top_logprobs"][0]["token"] == "a"
    assert (system.asked["logprobs"], system.asked["top_logprobs"]) == (True, 1)


def test_response_goes_on_from_an_earlier_one(http: TestClient, system: System) -> None:
    system.replies = [reply("Well.", CALL), reply("Two.")]
    first = ask(http, instructions="Be brief.", tools=[FLAT])
    output = {"type": "function_call_output", "call_id": "call_1", "output": "2"}
    again = ask(http, input=[output], previous_response_id=first["id"])
    assert system.asked["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Well.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
    ]
    # Two may go on from the same one.
    ask(http, input=[output], previous_response_id=first["id"])
    assert len(system.asked["messages"]) == 3
    ask(http, input="And?", previous_response_id=again["id"])
    assert len(system.asked["messages"]) == 5
    assert again["previous_response_id"] == first["id"]


def test_response_is_found_by_whoever_asked_for_it_until_it_is_deleted(http: TestClient) -> None:
    first = ask(http)
    url = f"{URL}/{first['id']}"
    assert http.get(url).json() == first
    stranger = {"Authorization": "Bearer other"}
    assert http.get(url, headers=stranger).status_code == 404
    assert http.delete(url, headers=stranger).status_code == 404
    assert http.delete(url).json()["deleted"] is True
    error = http.get(url).json()["error"]
    assert error["code"] == "not_found"
    answer = http.post(
        URL, json={"model": "default", "input": "Hi", "previous_response_id": first["id"]}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "previous_response_not_found")


def test_response_that_is_not_to_be_kept_is_not(http: TestClient) -> None:
    assert http.get(f"{URL}/{ask(http, store=False)['id']}").status_code == 404


def test_stream_tells_how_a_message_comes_about(http: TestClient) -> None:
    told = ask(http, stream=True)
    assert [one["type"].removeprefix("response.") for one in told] == [
        "created", "in_progress", "output_item.added", "content_part.added",
        "output_text.delta", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    assert [one["sequence_number"] for one in told] == list(range(10))
    assert [one["delta"] for one in told if "delta" in one] == ["Hello ", "there"]
    assert len({one["item_id"] for one in told if "item_id" in one}) == 1
    whole = told[-1]["response"]
    assert whole["output"] == [told[-2]["item"]] and whole["usage"]["total_tokens"] == 10
    assert http.get(f"{URL}/{whole['id']}").json() == whole


def test_stream_tells_of_calls(http: TestClient, system: System) -> None:
    system.streams = [pieces("Well.", calls=(CALL, {**CALL, "id": "call_2"}))]
    told = ask(http, stream=True, tools=[FLAT])
    kinds = [one["type"].removeprefix("response.") for one in told]
    assert kinds[-9:] == [
        *["output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
          "output_item.done"] * 2, "completed",
    ]  # fmt: skip
    assert [one["output_index"] for one in told[-9:-1]] == [1] * 4 + [2] * 4
    assert [one["type"] for one in told[-1]["response"]["output"]] == [
        "message", "function_call", "function_call",
    ]  # fmt: skip


def test_stream_without_a_word_still_has_a_message(http: TestClient, system: System) -> None:
    system.streams = [pieces()]
    whole = ask(http, stream=True)[-1]["response"]
    assert whole["output"][0]["content"][0]["text"] == ""


def test_stream_that_fails_midway_ends_in_a_failed_response(
    http: TestClient, system: System
) -> None:
    system.streams = [[*pieces("Hel")[:1], DeviceError("it burns")]]
    last = ask(http, stream=True)[-1]
    assert last["type"] == "response.failed" and last["response"]["status"] == "failed"
    assert last["response"]["error"] == {"code": "device_unavailable", "message": "it burns"}


def test_stream_that_is_refused_at_once_has_a_status(http: TestClient, system: System) -> None:
    system.streams = [[QuotaExceeded("nothing is left")]]
    answer = http.post(URL, json={"model": "default", "input": "Hi", "stream": True})
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"input": None}, "input"), ({"input": []}, "input"), ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0].type"), ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"type": {}}]}, "input[0].type"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "input[0].call_id"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].name"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"background": True}, "background"), ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"), ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"previous_response_id": 5}, "previous_response_id"),
    ],
)  # fmt: skip
def test_wrong_field_is_named(http: TestClient, system: System, wrong: Any, param: str) -> None:
    answer = http.post(URL, json={"model": "default", "input": "Hi", **wrong})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert system.calls == []
