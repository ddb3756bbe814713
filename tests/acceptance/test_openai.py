"""What OpenAI's own client says to a real daemon, and what it hears."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from .conftest import House

MODEL = "LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL"
SAID = "The answer is 42."
CALL = {"name": "calculator", "arguments": {"expression": "6*7"}}
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "what is 6 times 7"}]
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Evaluate an arithmetic expression: + - * / // % ** and parentheses.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


class Client(OpenAI):
    """OpenAI's client, and how to get one with other rights."""

    house: House

    def other(self, *options: str) -> OpenAI:
        """Return a client whose token was made with some options."""
        token = self.house.aos("token", "create", *options).out.strip()
        return self.with_options(api_key=token, max_retries=0)


def connect(house: House) -> Client:
    house.aos("start")
    url = house.when_ready()["url"]
    client = Client(
        base_url=f"{url}/v1", api_key=house.aos("token", "create").out.strip(), max_retries=0
    )
    client.house = house
    return client


@pytest.fixture(scope="module")
def client(make_house: Callable[..., House]) -> Iterator[Client]:
    """A client of a model that answers from a script: a call, then a text, and so on."""
    house = make_house()
    script = house.program("script.json", json.dumps([{"calls": [CALL]}, SAID]))
    house.environment |= {
        MODEL: f"scripted:{script}",
        "LLMAGENTOS_SERVICES__GATEWAY__SETTINGS__ALIASES": json.dumps({"gpt-4o": "default"}),
    }
    with connect(house) as made:
        yield made


@pytest.fixture(autouse=True)
def from_the_start(request: pytest.FixtureRequest) -> None:
    """Let each test hear the script from its first line."""
    if "client" in request.fixturenames:
        house: House = request.getfixturevalue("client").house
        house.aos("model", "use", house.environment[MODEL])


def test_models_are_listed_with_their_aliases(client: Client) -> None:
    assert [one.id for one in client.models.list()] == ["script", "default", "gpt-4o"]
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"


def test_tools_are_called_and_the_answer_follows(client: Client) -> None:
    first = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[TOOL])
    (choice,) = first.choices
    assert choice.finish_reason == "tool_calls" and choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.function.name == "calculator"
    assert json.loads(call.function.arguments)["expression"].replace(" ", "") == "6*7"
    messages: list[Any] = [
        *HELLO,
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "42"},
    ]
    second = client.chat.completions.create(model="script", messages=messages, tools=[TOOL])
    assert second.choices[0].message.content == SAID and second.model == "script"
    assert second.usage is not None and second.usage.completion_tokens == 4


def test_stream_is_put_together_by_the_client(client: Client) -> None:
    for finish in ("tool_calls", "stop"):
        with client.chat.completions.stream(
            model="default", messages=HELLO, tools=[TOOL], stream_options={"include_usage": True}
        ) as stream:
            whole = stream.get_final_completion()
        assert whole.choices[0].finish_reason == finish and whole.usage is not None
    assert whole.choices[0].message.content == SAID


def test_texts_are_completed(client: Client) -> None:
    client.completions.create(model="default", prompt="x")
    made = client.completions.create(model="default", prompt=["a", "b"], echo=True)
    assert sorted(one.text for one in made.choices) in (["a", "b" + SAID], ["a" + SAID, "b"])
    *_, last = client.completions.create(model="default", prompt="x", stream=True)
    assert last.choices[0].finish_reason in ("stop", "tool_calls")


def test_responses_go_on_from_one_another(client: Client) -> None:
    flat: Any = {"type": "function", "strict": False, **TOOL["function"]}
    first = client.responses.create(model="default", input="what is 6 times 7", tools=[flat])
    (call,) = first.output
    assert call.type == "function_call" and json.loads(call.arguments) == {"expression": "6*7"}
    second = client.responses.create(
        model="default",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "42"}],
    )
    assert second.output_text == SAID and second.status == "completed"
    assert client.responses.retrieve(second.id).output_text == SAID
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


def test_streamed_response_is_put_together_by_the_client(client: Client) -> None:
    for kind in ("function_call", "message"):
        with client.responses.stream(model="default", input="what is 6 times 7") as stream:
            *_, last = stream
            whole = stream.get_final_response()
        assert last.type == "response.completed"
        assert [one.type for one in whole.output] == [kind]
    assert whole.output_text == SAID and whole.usage is not None


def test_client_knows_what_went_wrong(client: Client) -> None:
    ask: dict[str, Any] = {"model": "default", "messages": HELLO}
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(**ask)
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(**{**ask, "model": "gpt-9"})
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(**ask, temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.PermissionDeniedError):
        client.other("narrow", "--cap", "model.ls").chat.completions.create(**ask)
    with pytest.raises(openai.RateLimitError) as spent:
        client.other("poor", "--max-tokens", "1").chat.completions.create(**ask)
    assert spent.value.code == "insufficient_quota"


@pytest.fixture(scope="module")
def embedded(make_house: Callable[..., House]) -> Iterator[Client]:
    with connect(make_house()) as made:
        yield made


@pytest.mark.slow
def test_model_is_held_to_a_schema(embedded: Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "sum": {"type": "integer", "minimum": 0, "maximum": 99},
            "unit": {"enum": ["apples", "pears"]},
        },
        "required": ["sum", "unit"],
        "additionalProperties": False,
    }
    for stream in (False, True):
        made: Any = embedded.chat.completions.create(
            model="default",
            messages=HELLO,
            response_format={
                "type": "json_schema", "json_schema": {"name": "found", "schema": schema},
            },
            stream=stream,
        )  # fmt: skip
        if stream:
            text = "".join(one.choices[0].delta.content or "" for one in made)
        else:
            text = made.choices[0].message.content
        found = json.loads(text)
        assert isinstance(found["sum"], int) and found["unit"] in ("apples", "pears")


@pytest.mark.slow
@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "calculator"}}]
)
def test_model_calls_what_it_must(embedded: Client, choice: Any) -> None:
    made = embedded.chat.completions.create(
        model="default", messages=HELLO, tools=[TOOL], tool_choice=choice
    )
    assert made.choices[0].message.tool_calls is not None
    (call,) = made.choices[0].message.tool_calls
    assert call.type == "function" and call.function.name == "calculator"
    assert json.loads(call.function.arguments)["expression"].replace(" ", "") == "6*7"


@pytest.mark.slow
def test_model_says_how_sure_it_is(embedded: Client) -> None:
    made = embedded.chat.completions.create(
        model="default", messages=HELLO, logprobs=True, top_logprobs=3, max_tokens=5
    )
    (choice,) = made.choices
    assert choice.logprobs is not None and choice.logprobs.content
    for one in choice.logprobs.content:
        assert one.logprob <= 0 and len(one.top_logprobs) == 3
        assert one.token == one.top_logprobs[0].token  # It is greedy.
    assert (
        "".join(one.token for one in choice.logprobs.content).strip()
        == (choice.message.content or "").strip()
    )


@pytest.mark.slow
def test_seed_repeats_a_reply_and_several_differ(embedded: Client) -> None:
    def drawn(seed: int) -> list[str | None]:
        made = embedded.chat.completions.create(
            model="default", messages=HELLO, temperature=2, seed=seed, n=4, max_tokens=12
        )
        return [one.message.content for one in made.choices]

    first = drawn(5)
    assert first == drawn(5) and len(set(first)) > 1


@pytest.mark.slow
def test_texts_become_vectors_of_length_1(embedded: Client) -> None:
    texts = ["the cat sat on the mat", "a cat is on a mat", "37 times 12"]
    # The client asks for base64 unless it is told otherwise.
    made = embedded.embeddings.create(model="default", input=texts)
    plain = embedded.embeddings.create(model="default", input=texts, encoding_format="float")
    vectors = [one.embedding for one in made.data]
    for vector, other in zip(vectors, plain.data, strict=True):
        assert sum(number**2 for number in vector) == pytest.approx(1, abs=1e-3)
        assert vector == pytest.approx(other.embedding, abs=1e-5)
    assert made.usage.prompt_tokens > 0

    def close(one: int, other: int) -> float:
        return sum(a * b for a, b in zip(vectors[one], vectors[other], strict=True))

    assert close(0, 1) > close(0, 2)
