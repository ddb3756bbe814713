"""The reference of all syscalls, as Markdown.

python -m llmagentos.syscalls.reference     writes it to standard output; `make docs` keeps it

Interface:
    render(interfaces)      the page
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Any

from .interface import Interface, Traits
from .os import OURS
from .table import Description, describe

_HEAD = """\
# Syscalls

Every syscall of the system, as its declaration states it; `make docs` writes this page. A plugin's
are listed by `aos syscalls` and at `/docs` of the HTTP API.

From an agent `await os.memory.put("a", 1)`, from a shell `aos call memory.put key=a value=1`, over
HTTP `POST /api/v1/syscalls/memory.put` with `{"key": "a", "value": 1}`.
"""


def render(interfaces: Iterable[type[Interface]]) -> str:
    """Return the page about some interfaces."""
    return "\n".join([_HEAD, *(line for one in interfaces for line in _interface(one))])


def _interface(interface: type[Interface]) -> Iterator[str]:
    yield f"## {interface.interface_name}\n"
    yield f"{getdoc(interface)}\n"
    for one in describe(interface):
        yield from _syscall(one)


def _syscall(one: Description) -> Iterator[str]:
    properties = one.arguments.get("properties", {})
    required = one.arguments.get("required", [])
    arguments = ", ".join(
        name if name in required else f"{name}={properties[name].get('default')!r}"
        for name in one.parameters
    )
    yield f"### `{one.name}({arguments})`\n"
    yield f"{one.doc}\n"
    if one.parameters:
        yield "| argument | type |\n|---|---|"
        for name in one.parameters:
            yield f"| `{name}` | {_kind(properties[name])} |"
        yield ""
    yield f"Returns {_kind(one.result)}. {_marks(one.traits)}\n"


def _kind(schema: dict[str, Any]) -> str:
    """Return a JSON schema in a few words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value!r}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and "title" in schema and "properties" in schema:
        return f"`{schema['title']}`"
    return "nothing" if kind == "null" else str(kind)


def _marks(traits: Traits) -> str:
    marks = [
        *(["streams its results"] if traits.stream else []),
        *([f"queued for the device `{traits.device}`"] if traits.device else []),
        *(["has an effect"] if traits.effect else []),
        *(["may be repeated"] if traits.idempotent else []),
        *(["its result is untrusted"] if traits.untrusted else []),
        *([f"capabilities match `{traits.subject}`"] if traits.subject else []),
        f"ends after {traits.deadline:g} s",
    ]
    return f"*{'; '.join(marks)}.*"


if __name__ == "__main__":
    sys.stdout.write(render(OURS))
