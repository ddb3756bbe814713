"""Tools: what agents act with.

Interface:
    Tool            the syscalls
    ToolInfo        a tool's name, purpose and schema
    ToolResult      what it gave back
    ToolServer      a server of tools and how it is
    MANY            tools that a prompt should hold at most
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, MaxLen

from .interface import Interface, syscall

#: Tools past which a prompt had better hold `find_tools` and those that it finds.
MANY = 20
#: Patterns of tools' names, such as `knowledge_*`.
Patterns = Annotated[list[Annotated[str, MaxLen(256)]], MaxLen(1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolInfo:
    """A tool, as a model is told of it."""

    name: str
    description: str
    #: JSON schema of the arguments.
    parameters: dict[str, Any]
    #: Whether it changes something outside the operating system.
    effect: bool
    #: Whether its results may carry a stranger's instructions.
    untrusted: bool
    #: Where it comes from: `built-in`, a plugin's distribution, or `mcp:SERVER`.
    source: str = "built-in"
    #: JSON schema of its typed result, where it has one.
    result: dict[str, Any] | None = None
    #: Calls a minute that a principal may make; None for no limit of its own.
    rate: float | None = None

    def schema(self) -> dict[str, Any]:
        """Return the OpenAI function schema, for `model.chat`."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave back."""

    #: For the model to read; an error's text starts with `error: `.
    text: str
    #: Whether the tool could not do what it was asked.
    failed: bool = False
    #: The same as plain values, where the tool gives them.
    data: Any = None
    #: Where what it says comes from: `report.pdf, page 3`, a URL.
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServer:
    """A server of tools (MCP) and how it is."""

    name: str
    #: A command line or a URL.
    address: str
    #: `ready`, `connecting`, or `failed: reason`.
    state: str
    tools: int


class Tool(Interface, name="tool"):
    """Typed tools, each call in its own bounds."""

    @syscall(idempotent=True)
    async def ls(self, only: Patterns | None = None) -> list[ToolInfo]:
        """Return the tools there are, by name; `only` those whose names fit one of the patterns.

        What a server that is not trusted says of its tools is a stranger's words: whoever is given
        some of it is tainted. Name what you need, and others' servers are none of your affair.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def search(
        self,
        query: str,
        limit: Annotated[int, Ge(1), Le(100)] = 8,
        only: Patterns | None = None,
    ) -> list[ToolInfo]:
        """Return the tools that fit a task best, so that a hundred need not stand in a prompt;
        `only` those whose names fit one of the patterns. Taints as `ls` does."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def servers(self) -> list[ToolServer]:
        """Return the servers that tools come from. What one that is not trusted has failed with may
        be its own words, and taints the caller."""
        raise NotImplementedError

    @syscall(effect=True, subject="name", deadline=120.0)
    async def connect(
        self,
        name: str,
        command: list[str] | None = None,
        url: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> ToolServer:
        """Connect a server of tools (MCP), now and whenever the system starts: an address, or a
        program, which runs in a box where the machine has one. It is a person's right to do so.

        `options` are those of `[drivers.tools.settings.mcp.NAME]`: `env`, `cwd`, `sandbox`,
        `read`, `write`, `network`, `headers`, `allow`, `rate`, `timeout`, `trusted`. Raises
        `InvalidArgument`, `AlreadyExists`, and `DeviceError` for one that does not come up; then
        nothing has changed.
        """
        raise NotImplementedError

    @syscall(effect=True, subject="name")
    async def disconnect(self, name: str) -> None:
        """Let a server go for good. Raises `NotFound`, and `InvalidArgument` for one that the
        configuration names."""
        raise NotImplementedError

    @syscall(effect=True, subject="name", deadline=300.0)
    async def call(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        timeout: Annotated[float, Gt(0), Le(300)] = 30.0,
    ) -> ToolResult:
        """Run a tool. The result of an untrusted one taints the caller.

        What goes wrong inside the tool is a result with `failed`, so that a model can read it.
        Raises `NotFound` for no such tool, `InvalidArgument` for arguments that its schema
        refuses, `DeadlineExceeded` after `timeout` seconds, `DeviceError` when it crashed, and
        `TryAgain` with `retry_after` past its rate.
        """
        raise NotImplementedError
