from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmagentos.services.gateway.problems import STATUS
from llmagentos.services.gateway.schema import compose
from llmagentos.syscalls.process import Process
from llmagentos.syscalls.system import System
from llmagentos.syscalls.table import describe

from .conftest import Workshop

DOCUMENT = compose([*describe(Workshop), *describe(Process), *describe(System)])


def operation(name: str) -> Any:
    return DOCUMENT["paths"][f"/api/v1/syscalls/{name}"]["post"]


def test_every_syscall_is_an_operation_with_its_docstring() -> None:
    assert operation("workshop.double")["summary"] == "Return `number` twice & more."
    schema = operation("workshop.double")["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["number"]["type"] == "integer"
    assert operation("workshop.double")["requestBody"]["required"]
    assert not operation("workshop.endless")["requestBody"]["required"]


def test_stream_is_described_as_events_and_cannot_be_repeated_by_a_key() -> None:
    content = operation("workshop.count")["responses"]["200"]["content"]
    kinds = [one["properties"] for one in content["text/event-stream"]["schema"]["oneOf"]]
    assert [kind["event"]["const"] for kind in kinds] == ["item", "end", "error"]
    assert kinds[0]["data"]["contentSchema"]["type"] == "integer"
    names = [one["name"] for one in operation("workshop.count")["parameters"]]
    assert names == ["X-Deadline-Seconds"]
    names = [one["name"] for one in operation("workshop.double")["parameters"]]
    assert names == ["X-Deadline-Seconds", "Idempotency-Key"]


def test_every_status_that_is_answered_is_described() -> None:
    described = operation("workshop.double")["responses"].keys()
    assert {str(status) for status in STATUS.values()} <= described
    assert {"401", "408", "413", "415", "421"} <= described


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    references = [one.removeprefix("#/components/schemas/") for one in _references(DOCUMENT)]
    assert "process_inspect_ProcessInfo" not in references  # it is the result itself, not named
    assert {"Problem", "system_table_Description"} <= set(references) <= schemas.keys()
    json.dumps(DOCUMENT)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(found := value.get("$ref"), str):
            yield found
        for one in value.values():
            yield from _references(one)
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
