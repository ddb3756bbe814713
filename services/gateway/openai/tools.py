"""Tools that a request offers, and which of them the model may or must call.

Interface:
    Tool            a function as chat completions describe it
    choice_of       a request's `tool_choice`: `none`, `auto`, `required`, or one name
    calls_schema    a JSON schema of a call, as an object with a name and arguments
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from .body import Body
from .refusal import Refusal

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")]
_MODES = ("none", "auto", "required")


class Function(Body):
    """A function."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Body):
    """A tool of the only kind that there is here."""

    type: Literal["function"]
    function: Function

    def plain(self) -> dict[str, Any]:
        """Return it as the model's syscalls take it."""
        return self.model_dump(exclude_none=True)


def choice_of(given: Any, tools: list[dict[str, Any]]) -> str:
    """Return a `tool_choice`; a name stands in it, or in its `function`. Raises `Refusal`."""
    if given is None:
        return "auto"
    if isinstance(given, str) and given in _MODES:
        choice = given
    elif isinstance(given, dict) and given.get("type") == "function":
        function = given.get("function", given)
        name = function.get("name") if isinstance(function, dict) else None
        if name not in [tool["function"]["name"] for tool in tools]:
            raise Refusal("tool_choice names no tool of this request", param="tool_choice")
        choice = str(name)
    else:
        raise Refusal(
            f"tool_choice is one of {', '.join(_MODES)}, or names a function",
            param="tool_choice",
        )
    if choice == "required" and not tools:
        raise Refusal("tool_choice asks for a tool where none is offered", param="tool_choice")
    return choice


def calls_schema(tools: list[dict[str, Any]], other: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of what calls one of some tools, or else matches another schema."""
    definitions: dict[str, Any] = {}
    options = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool["function"]["name"]},
                "arguments": _lift(
                    tool["function"].get("parameters") or {"type": "object"},
                    f"tool{place}_",
                    definitions,
                ),
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for place, tool in enumerate(tools)
    ]
    options.append(_lift(other, "reply_", definitions))
    return {"anyOf": options, **({"$defs": definitions} if definitions else {})}


def _lift(schema: dict[str, Any], prefix: str, into: dict[str, Any]) -> dict[str, Any]:
    """Move a schema's own definitions to those of the whole, under names of their own."""
    text = json.dumps(schema)
    for section in ("$defs", "definitions"):
        text = text.replace(f'"#/{section}/', f'"#/$defs/{prefix}')
    lifted: dict[str, Any] = json.loads(text)
    for section in ("$defs", "definitions"):
        found = lifted.pop(section, None)
        if isinstance(found, dict):
            into.update({f"{prefix}{name}": one for name, one in found.items()})
    return lifted
