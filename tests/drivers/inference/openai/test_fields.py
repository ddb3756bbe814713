"""Which field a server's refusal is about."""

from __future__ import annotations

import json

import pytest

from llmagentos.drivers.inference.contract import Request, Sampling
from llmagentos.drivers.inference.openai.fields import body, named

SENT = body(
    Request(messages=[], sampling=Sampling(top_p=0.5, top_k=5, seed=1, logprobs=2, stop=["x"])),
    "m",
    refused=(),
)


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (json.dumps({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported "
                               "with this model. Use 'max_completion_tokens' instead.",
                               "param": "max_tokens"}}), "max_tokens"),
        (json.dumps({"error": {"message": "Unsupported value: 'temperature' does not support 0.2 "
                               "with this model. Only the default (1) value is supported.",
                               "param": "temperature", "code": "unsupported_value"}}),
         "temperature"),
        (json.dumps({"error": {"message": "no logprobs here", "param": "seed"}}), "seed"),
        ("Unrecognized request argument supplied: top_k", "top_k"),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),
        (json.dumps({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"],
                                 "msg": "Extra inputs are not permitted"}]}), "stream_options"),
        ("property 'logprobs' is unsupported", "logprobs"),
        ("stop is not supported", None),
        ("messages: unknown role", None),
        ("max_completion_tokens is not known", None),
        ("max_tokens is too large: 100000", None),
        ("temperature must be at most 2", None),
        ("top_p: Input should be less than 1", None),
        ("This model's maximum context length is 8192 tokens; reduce max_tokens", None),
        ("", None), ("[]", None), ('{"error": null}', None),
    ],
)  # fmt: skip
def test_a_field_is_refused_and_a_value_is_not(refusal: str, field: str | None) -> None:
    assert named(refusal, SENT) == field


def test_what_was_not_sent_cannot_be_refused() -> None:
    assert named("top_k is unknown", body(Request(messages=[]), "m", ())) is None


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", None),
        ("required", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_a_call_that_has_to_come_is_asked_for(choice: str, sent: object) -> None:
    request = Request(messages=[], sampling=Sampling(tool_choice=choice))
    assert body(request, "m", ()).get("tool_choice") == sent
