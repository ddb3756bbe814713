"""Whatever is sent to a syscall's route, the answer is one that `/openapi.json` describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from .conftest import House

#: Requests of each kind, valid and invalid, to each syscall.
EXAMPLES = 12
#: Seconds that a call may take; those that wait for something end in ETIMEDOUT after them.
DEADLINE = "0.2"
LEFT_OUT = {
    "system.shutdown": "ends the daemon",
    "system.provide": "adds syscalls that nobody answers to the document under test",
    "process.signal": "a token of the owner's reaches drivers and the gateway itself",
    "process.stop": "as signal does",
    "model.use": "a valid target would be downloaded",
    "model.chat": "has a test of its own below",
    "model.stream": "as chat has",
}
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def http(own: House) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {own.aos('token', 'create').out.strip()}"
        yield session


@pytest.mark.slow
def test_any_request_is_answered_as_documented(
    own: House, http: requests.Session, subtests: pytest.Subtests
) -> None:
    url, operations = _operations(own)
    assert LEFT_OUT.keys() <= operations.keys() and len(operations) > 30
    for name, operation in operations.items():
        if name not in LEFT_OUT:
            for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
                with subtests.test(name, mode=mode.value):
                    _fuzz(operation, mode, url, http)
    services = own.aos("service", "--json").json()
    assert [(one["state"], one["restarts"]) for one in services] == [("ready", 0)] * len(services)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("name", ["model.chat", "model.stream"])
def test_any_request_to_a_model_is_answered_as_documented(
    own: House, http: requests.Session, name: str, mode: GenerationMode
) -> None:
    url, operations = _operations(own)
    _fuzz(operations[name], mode, url, http, deadline="3")


def _operations(own: House) -> tuple[str, dict[str, APIOperation[Any, Any, Any, Any]]]:
    url = own.status()["url"]
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    found = (one.ok() for one in schema.get_all_operations() if isinstance(one, Ok))
    return url, {operation.path.rpartition("/")[2]: operation for operation in found}


def _fuzz(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    url: str,
    http: requests.Session,
    deadline: str = DEADLINE,
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered(case: schemathesis.Case[Any]) -> None:
        case.headers["X-Deadline-Seconds"] = deadline
        response = case.call(base_url=url, session=http, timeout=30)
        # A call that waited until its deadline is no defect; any other 5xx is.
        late = response.status_code == 504
        assert response.status_code < 500 or late, response.text
        case.validate_response(response, checks=CHECKS)

    answered()
