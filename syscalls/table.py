"""The syscall table: what each interface class says, read once.

Interface:
    Description             a syscall as plain data, which is what peers are told
    Syscall                 one entry: a description with the checks of its values
    SyscallTable            entries by name; `add` reads a class
    read, describe          an interface's entries, and those as plain data

From these entries alone come validation, the client's proxies, the HTTP routes and the reference.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, get_args, get_origin

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from .errors import AlreadyExists, InvalidArgument, NoSyscall
from .interface import Interface, Traits
from .reason import reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One syscall as plain data: all that the kernel, the gateway and people need of it."""

    #: `interface.method`.
    name: str
    #: The method's docstring.
    doc: str
    #: What the kernel must know.
    traits: Traits
    #: Argument names in their order, for positional calls.
    parameters: list[str]
    #: JSON schema of the map of arguments.
    arguments: dict[str, Any]
    #: JSON schema of the result, or of one item of a stream.
    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Syscall:
    """One syscall, as its declaration states it."""

    #: `interface.method`.
    name: str
    #: Argument names in their order, for positional calls.
    parameters: tuple[str, ...]
    #: What the kernel must know.
    traits: Traits
    #: The method's docstring.
    doc: str
    #: Checks and converts a map of arguments.
    arguments: TypeAdapter[Any]
    #: Converts a result, or one item of a stream, from its wire form.
    result: TypeAdapter[Any]

    def check(self, arguments: Any) -> dict[str, Any]:
        """Return the arguments converted. Raises `InvalidArgument` naming each wrong one."""
        try:
            checked: dict[str, Any] = self.arguments.validate_python(
                {} if arguments is None else arguments
            )
            return checked
        except ValidationError as error:
            raise InvalidArgument(f"{self.name}: {reasons(error)}") from None

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return a call's arguments by name. Raises `InvalidArgument` for too many or repeated."""
        if len(args) > len(self.parameters):
            raise InvalidArgument(
                f"{self.name} takes {len(self.parameters)} arguments, not {len(args)}"
            )
        bound = dict(zip(self.parameters, args, strict=False))
        for name in kwargs.keys() & bound.keys():
            raise InvalidArgument(f"{self.name}: {name} is given twice")
        return {**bound, **kwargs}

    def describe(self) -> Description:
        """Return the entry as plain data."""
        return Description(
            name=self.name,
            doc=self.doc,
            traits=self.traits,
            parameters=list(self.parameters),
            arguments=self.arguments.json_schema(),
            result=self.result.json_schema(mode="serialization"),
        )


class SyscallTable(Mapping[str, Syscall]):
    """All syscalls by name."""

    def __init__(self, *interfaces: type[Interface]) -> None:
        self._entries: dict[str, Syscall] = {}
        for interface in interfaces:
            self.add(interface)

    def add(self, interface: type[Interface]) -> None:
        """Read a class. Raises `AlreadyExists` for a name that stands, leaving the table as is."""
        entries = read(interface)
        for entry in entries:
            if entry.name in self._entries:
                raise AlreadyExists(f"the syscall {entry.name} stands already")
        self._entries.update({entry.name: entry for entry in entries})

    def __getitem__(self, name: str) -> Syscall:
        try:
            return self._entries[name]
        except KeyError:
            raise NoSyscall(f"there is no syscall {name!r}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def read(interface: type[Interface]) -> tuple[Syscall, ...]:
    """Return an interface's entries. Raises `InvalidArgument` naming a method that cannot be one.

    Every parameter and the result need a type, since the schemas come from them. A class is read
    once: to build its checks takes longer than a process takes to start.
    """
    known: tuple[Syscall, ...] | None = vars(interface).get("_entries")
    if known is None:
        if not interface.interface_name.isidentifier():
            raise InvalidArgument(f"{interface.__qualname__} has no interface name")
        known = tuple(
            _entry(f"{interface.interface_name}.{name}", method, traits)
            for name, (method, traits) in interface.methods().items()
        )
        interface._entries = known
    return known


def describe(interface: type[Interface]) -> list[Description]:
    """Return an interface's entries as plain data, made once. Raises as `read` does."""
    known: list[Description] | None = vars(interface).get("_descriptions")
    if known is None:
        known = interface._descriptions = [entry.describe() for entry in read(interface)]
    return known


def _entry(name: str, method: Callable[..., Any], traits: Traits) -> Syscall:
    try:
        hints = typing.get_type_hints(method, include_extras=True)
    except NameError as error:
        raise InvalidArgument(f"{name}: a type cannot be resolved: {error}") from None
    parameters = list(inspect.signature(method).parameters.values())[1:]
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
    if "return" not in hints:
        raise InvalidArgument(f"{name}: the result needs a type")
    result = hints["return"]
    if traits.stream:
        if get_origin(result) is not AsyncIterator:
            raise InvalidArgument(f"{name}: a stream returns an AsyncIterator")
        (result,) = get_args(result)
    shape: Any = TypedDict(name, fields)  # type: ignore[misc]  # its name is known at run time only
    return Syscall(
        name=name,
        parameters=tuple(fields),
        traits=traits,
        doc=inspect.getdoc(method) or "",
        arguments=TypeAdapter[Any](with_config(ConfigDict(extra="forbid"))(shape)),
        result=TypeAdapter(result),
    )


def _default(parameter: inspect.Parameter) -> dict[str, Any]:
    plain = isinstance(parameter.default, (str, int, float, bool, type(None)))
    return {"default": parameter.default} if plain else {}
