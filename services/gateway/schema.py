"""The OpenAPI document, composed from what the kernel says of every syscall.

Interface:
    compose         descriptions to an OpenAPI 3.1 document
"""

from __future__ import annotations

import json
from typing import Any

from ... import __version__
from ...syscalls.table import Description

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}
_REFUSALS = {
    "400": "The body is no JSON.", "401": "The token is missing or wrong.",
    "402": "The budget does not cover it.", "403": "The token does not allow it.",
    "404": "There is no such thing.", "409": "It conflicts with what stands.",
    "408": "The body does not come.",
    "413": "The body is too large.", "415": "The body is no JSON.",
    "422": "An argument is wrong.", "429": "Too many calls wait; try again later.",
    "503": "Its driver is away.", "504": "No answer before the deadline.",
    "507": "The disk refuses.", "500": "A defect of ours.", "421": "The host name is not ours.",
}  # fmt: skip
_DEADLINE = {
    "name": "X-Deadline-Seconds",
    "in": "header",
    "description": "Seconds until the call ends in ETIMEDOUT; the syscall's own by default.",
    "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeated request with the same key gets the first one's answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def compose(syscalls: list[Description]) -> dict[str, Any]:
    """Return the document: one path for each syscall."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths = {f"/api/v1/syscalls/{one.name}": {"post": _operation(one, schemas)} for one in syscalls}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LLMAgentOS",
            "version": __version__,
            "description": "Every syscall over HTTP. A token is a set of capabilities.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Description, schemas: dict[str, Any]) -> dict[str, Any]:
    arguments = _lift(one.name, one.arguments, schemas)
    result = _lift(one.name, one.result, schemas)
    interface = one.name.partition(".")[0]
    refusals = {
        status: {
            "description": text,
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for status, text in _REFUSALS.items()
    }
    if one.traits.stream:
        answer: dict[str, Any] = {
            "description": "Server-sent events: `item` for each item, then `end` or `error`.",
            "content": {"text/event-stream": {"schema": _events(result)}},
        }
    else:
        answer = {
            "description": "The result.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["result"],
                        "properties": {"result": result},
                    }
                }
            },
        }
    return {
        "operationId": one.name,
        "tags": [interface],
        "summary": one.doc.split("\n")[0],
        "description": one.doc,
        "parameters": [_DEADLINE] if one.traits.stream else [_DEADLINE, _KEY],
        "requestBody": {
            "required": bool(arguments.get("required")),
            "content": {"application/json": {"schema": arguments}},
        },
        "responses": {"200": answer, **refusals},
    }


def _events(item: dict[str, Any]) -> dict[str, Any]:
    """Describe one event of a stream; its data is JSON text."""
    problem = {"$ref": "#/components/schemas/Problem"}
    kinds: dict[str, Any] = {"item": item, "end": {"type": "object"}, "error": problem}
    return {
        "oneOf": [
            {
                "type": "object",
                "required": ["event", "data"],
                "properties": {
                    "event": {"const": kind},
                    "id": {"type": "string"},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": schema,
                    },
                },
            }
            for kind, schema in kinds.items()
        ]
    }


def _lift(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Move a schema's own definitions to where OpenAPI keeps them, under names of their own."""
    prefix = name.replace(".", "_")
    text = json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{prefix}_')
    lifted: dict[str, Any] = json.loads(text)
    for key, one in lifted.pop("$defs", {}).items():
        schemas[f"{prefix}_{key}"] = one
    return lifted
