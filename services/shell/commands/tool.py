"""`aos tool`: what agents act with, and the servers that tools come from."""

from __future__ import annotations

import json
import os as machine
from collections.abc import Iterable
from typing import Any

import click

from ....syscalls.errors import NotFound
from ....syscalls.interface import Traits
from ....syscalls.os import OS
from ....syscalls.table import Description
from ....syscalls.tool import ToolInfo, ToolResult
from ..group import Group
from ..output import as_json, said, short, show_json, table
from ..session import session
from .call import convert


@click.group(cls=Group)
def tool() -> None:
    """Show, find and call tools, and connect servers of them."""


@tool.command()
@click.option("--server", help="Those of one server.")
@as_json
def ls(server: str | None, as_json: bool) -> None:
    """List the tools."""
    found: list[ToolInfo] = session(lambda os: os.tool.ls(), start=True)
    if server is not None:
        found = [one for one in found if one.source == f"mcp:{server}"]
    _show(found, as_json)


@tool.command()
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=8, show_default=True)
@as_json
@click.argument("query", nargs=-1, required=True)
def search(query: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find the tools that fit a task, the best first."""
    _show(session(lambda os: os.tool.search(" ".join(query), limit), start=True), as_json)


@tool.command()
@as_json
@click.argument("name")
def show(name: str, as_json: bool) -> None:
    """Explain one tool: what it takes and what it gives."""
    info = session(lambda os: _find(os, name), start=True)
    if as_json:
        show_json(info)
        return
    rate = "" if info.rate is None else f", {info.rate:g} calls a minute"
    click.echo(f"{info.name} ({_marks(info)}, from {info.source}{rate})\n\n{info.description}\n")
    schemas = {"arguments": info.parameters, "result": info.result}
    shown = {key: schema for key, schema in schemas.items() if schema is not None}
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@tool.command()
@click.option("--timeout", type=click.FloatRange(0, 300, min_open=True), default=30.0)
@as_json
@click.argument("name")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]…")
def call(name: str, pairs: tuple[str, ...], timeout: float, as_json: bool) -> int:
    """Call a tool; VALUE is JSON where the argument is no text, @FILE a file's text.

    \b
      aos tool call calculator expression='6*7'
    """

    async def work(os: OS) -> ToolResult:
        info = await _find(os, name)
        known = Description(
            name=name,
            doc=info.description,
            traits=Traits(),
            parameters=list(info.parameters.get("properties", {})),
            arguments=info.parameters,
            result=info.result or {},
        )
        return await os.tool.call(name, convert(pairs, known), timeout)

    result = session(work, start=True)
    if as_json:
        show_json(result)
    else:
        said(result.text, err=result.failed)
    return 1 if result.failed else 0


@tool.command()
@as_json
def servers(as_json: bool) -> None:
    """List the servers that tools come from."""
    found = session(lambda os: os.tool.servers(), start=True)
    if as_json:
        show_json(found)
    else:
        rows = ((one.name, one.state, one.tools, one.address) for one in found)
        table(("SERVER", "STATE", "TOOLS", "ADDRESS"), rows)


@tool.command()
@click.option("--url", help="Its address, in place of a command.")
@click.option("--env", metavar="NAME=VALUE", multiple=True, help="A variable for the command.")
@click.option("--header", metavar="NAME=VALUE", multiple=True, help="A header for the address.")
@click.option("--allow", metavar="PATTERN", multiple=True, help="Which of its tools; all.")
@click.option("--rate", type=float, help="Calls of each tool that a user may make in a minute.")
@click.option("--timeout", type=float, help="Seconds that a call may take; 60.")
@click.option("--trusted", is_flag=True, help="What it says carries no stranger's words.")
@as_json
@click.argument("name")
@click.argument("command", nargs=-1)
def connect(
    name: str,
    command: tuple[str, ...],
    url: str | None,
    env: tuple[str, ...],
    header: tuple[str, ...],
    allow: tuple[str, ...],
    rate: float | None,
    timeout: float | None,
    trusted: bool,
    as_json: bool,
) -> None:
    """Connect a server of tools (MCP), from now on.

    \b
      aos tool connect time -- uvx mcp-server-time
      aos tool connect docs --url https://example.org/mcp --header Authorization='Bearer …'
    """
    if bool(command) == bool(url):
        raise click.UsageError("give a COMMAND after --, or a --url")
    options: dict[str, Any] = {
        "env": _pairs(env),
        "headers": _pairs(header),
        "allow": list(allow),
        "rate": rate,
        "timeout": timeout,
        "trusted": trusted,
    }
    given = {key: one for key, one in options.items() if one}
    if command and "/" in command[0]:  # The daemon runs elsewhere.
        command = (machine.path.abspath(command[0]), *command[1:])
    click.echo(f"connecting {name} …", err=True)
    found = session(lambda os: os.tool.connect(name, list(command) or None, url, given), start=True)
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found.name} offers {found.tools} tools")


@tool.command()
@as_json
@click.argument("name")
def disconnect(name: str, as_json: bool) -> None:
    """Let a server of tools go for good."""
    session(lambda os: os.tool.disconnect(name), start=True)
    if as_json:
        show_json({"disconnected": name})
    else:
        click.echo(f"{name} is let go")


async def _find(os: OS, name: str) -> ToolInfo:
    for one in await os.tool.ls(only=[name]):
        if one.name == name:  # A name may be a pattern.
            return one
    raise NotFound(f"there is no tool {name!r}; see: aos tool ls")


def _show(found: list[ToolInfo], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    table(
        ("TOOL", "SOURCE", "MARKS", "PURPOSE"),
        (
            (o.name, o.source, _marks(o), short(o.description.partition("\n")[0], 100))
            for o in found
        ),
    )


def _marks(info: ToolInfo) -> str:
    marks = {"effect": info.effect, "untrusted": info.untrusted}
    return ",".join(mark for mark, holds in marks.items() if holds) or "-"


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise click.UsageError(f"{text!r} is no NAME=VALUE")
        pairs[key] = value
    return pairs
