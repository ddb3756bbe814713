"""Whatever is sent to OpenAI's routes, the answer is theirs: never a defect, never a hang-up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .conftest import House

FIELDS = [
    "messages", "prompt", "input", "tools", "tool_choice", "response_format", "text", "stop", "n",
    "stream", "stream_options", "logprobs", "top_logprobs", "temperature", "top_p", "top_k",
    "max_tokens", "seed", "previous_response_id", "instructions", "include", "encoding_format",
    "parallel_tool_calls", "echo", "metadata", "logit_bias", "model",
]  # fmt: skip
#: What stands in right requests, so that wrong ones come further.
KEYS = st.sampled_from(
    ["role", "content", "type", "text", "name", "function", "arguments", "parameters", "schema",
     "json_schema", "format", "tool_calls", "tool_call_id", "call_id", "output", "id",
     "include_usage", "$defs", "$ref"]
) | st.text(max_size=3)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "tool", "system", "text", "function", "input_text",
                       "json_schema", "json_object", "auto", "required", "function_call",
                       "function_call_output", "message", "default", "#/$defs/x"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
RIGHT: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "completions": {"prompt": "Hi"},
    "responses": {"input": "Hi"},
    "embeddings": {"input": "Hi"},
}


@pytest.fixture(scope="module")
def http(make_house: Callable[..., House]) -> Iterator[tuple[House, str, requests.Session]]:
    house = make_house()
    script = house.program("script.json", json.dumps(["Hello there"]))
    house.environment["LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL"] = f"scripted:{script}"
    house.aos("start")
    url = house.when_ready()["url"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {house.aos('token', 'create').out.strip()}"
        session.headers["Content-Type"] = "application/json"
        yield house, url, session


@pytest.mark.slow
@pytest.mark.parametrize("route", RIGHT)
def test_any_request_has_an_answer_of_openais_kind(
    http: tuple[House, str, requests.Session], route: str
) -> None:
    house, url, session = http

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
    def answered(fields: dict[str, Any]) -> None:
        body = json.dumps({"model": "default", **RIGHT[route], **fields})
        answer = session.post(f"{url}/v1/{route}", data=body.encode(errors="surrogatepass"))
        assert answer.status_code in (200, 400, 404), answer.text
        if answer.status_code != 200:
            assert answer.json()["error"].keys() == {"message", "type", "param", "code"}

    answered()
    services = house.aos("service", "--json").json()
    assert [(one["state"], one["restarts"]) for one in services] == [("ready", 0)] * len(services)
