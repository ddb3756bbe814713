"""How a tool is written: a typed function with a docstring.

    @tool()
    def greet(context: Context, name: str) -> str:
        \"\"\"Greet somebody.\"\"\"
        return f"Hello, {name}!"

A tool that returns a record, a map or a list gives its caller the plain values, and a model their
JSON; the schema of its result comes from the annotation. One that names its sources returns a
`ToolResult`.

A tool may be a coroutine, which can make syscalls: `await context.os.memory.get(name)`. A plugin's
runs in a process of its own, where it may take its time, hang or crash; the one thing that it
cannot do there is a streaming syscall.

Interface:
    tool            decorator
    Context         what a tool is given besides its arguments
    Failure         raised by a tool: what the model reads as `error: …`
    Definition      a tool as the driver knows it
    define          reads a function; raises `InvalidArgument`
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic.errors import PydanticUserError
from typing_extensions import TypedDict

from ...syscalls.errors import InvalidArgument
from ...syscalls.os import OS
from ...syscalls.reason import reason
from ...syscalls.tool import ToolInfo, ToolResult


class Failure(Exception):
    """The tool cannot do what it was asked; the text is for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a tool is given besides its arguments."""

    #: The operating system with the caller's rights.
    os: OS
    #: The caller's own folder.
    home: Path
    #: The driver's settings, `[drivers.tools.settings]`.
    config: Mapping[str, Any]
    #: The filter of system calls for a stranger's program, empty where this machine has none.
    filter: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A tool as the driver knows it."""

    info: ToolInfo
    function: Callable[..., Any]
    arguments: TypeAdapter[Any]
    #: None where it gives a text, or a `ToolResult` of its own making.
    result: TypeAdapter[Any] | None

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments converted. Raises `InvalidArgument` naming the wrong one."""
        try:
            checked: dict[str, Any] = self.arguments.validate_python(dict(arguments))
        except ValidationError as error:
            raise InvalidArgument(f"{self.info.name}: {reason(error)}") from None
        return checked

    def outcome(self, value: Any) -> ToolResult:
        """Return what the function gave back as a result. Raises `ValueError` for what is not of
        the type that it declares."""
        if isinstance(value, ToolResult):
            return value
        if self.result is None:
            return ToolResult(text=str(value))
        data = self.result.dump_python(self.result.validate_python(value), mode="json")
        # No JSON has a number that is none.
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        return ToolResult(text=text, data=data)


def tool(
    *, effect: bool = False, untrusted: bool = False, rate: float | None = None
) -> Callable[[Any], Any]:
    """Mark a function as a tool.

    `effect`: it changes something outside the operating system; `untrusted`: its result may carry
    a stranger's instructions; `rate`: calls a minute for each principal, where the owner says
    nothing else.
    """

    def mark(function: Any) -> Any:
        function.__tool__ = (effect, untrusted, rate)
        return function

    return mark


def define(name: str, function: Callable[..., Any], source: str = "built-in") -> Definition:
    """Read a function. Raises `InvalidArgument` saying what it lacks."""
    marks = getattr(function, "__tool__", None)
    if marks is None:
        raise InvalidArgument(f"{name} is not marked with @tool()")
    hints = typing.get_type_hints(function, include_extras=True)
    context, *parameters = inspect.signature(function).parameters.values() or (None,)
    if context is None:
        raise InvalidArgument(f"{name} takes no context")
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in hints or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise InvalidArgument(f"{name}: the argument {parameter.name} needs a type of its own")
        kind = hints[parameter.name]
        if parameter.default is not parameter.empty:
            kind = NotRequired[Annotated[kind, Field(json_schema_extra=_default(parameter))]]
        fields[parameter.name] = kind
    # A map takes any name of an argument; a model's own attributes would stand in the way.
    shape: Any = TypedDict(name, fields)  # type: ignore[misc]  # its name is known at run time only
    adapter = TypeAdapter[Any](with_config(ConfigDict(extra="forbid"))(shape))
    schema = adapter.json_schema()
    schema.pop("title", None)
    for one in schema.get("properties", {}).values():
        one.pop("title", None)
    result = _result(name, hints.get("return", str))
    effect, untrusted, rate = marks
    info = ToolInfo(
        name=name,
        description=(inspect.getdoc(function) or name).strip(),
        parameters=schema,
        effect=effect,
        untrusted=untrusted,
        source=source,
        result=None if result is None else result.json_schema(mode="serialization"),
        rate=rate,
    )
    return Definition(info=info, function=function, arguments=adapter, result=result)


def _result(name: str, kind: Any) -> TypeAdapter[Any] | None:
    if kind in (str, ToolResult, type(None)):
        return None
    try:
        adapter = TypeAdapter[Any](kind)
        adapter.json_schema(mode="serialization")
    except PydanticUserError as error:
        said = str(error).splitlines()[0]
        raise InvalidArgument(f"{name}: its result cannot be sent: {said}") from None
    return adapter


def _default(parameter: inspect.Parameter) -> dict[str, Any]:
    plain = isinstance(parameter.default, (str, int, float, bool, type(None)))
    return {"default": parameter.default} if plain else {}
