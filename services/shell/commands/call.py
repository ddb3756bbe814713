"""Any syscall from the command line: call, syscalls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ....syscalls.errors import NoSyscall
from ....syscalls.os import OS
from ....syscalls.table import Description
from ..output import as_json, show_json, table
from ..session import session


@click.command()
@click.option("--json", "compact", is_flag=True, help="One line; it is JSON in any case.")
@click.option("--deadline", type=click.FloatRange(0, min_open=True), help="Seconds.")
@click.argument("syscall")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]…")
def call(syscall: str, pairs: tuple[str, ...], deadline: float | None, compact: bool) -> None:
    """Make a syscall; VALUE is JSON where the argument is no text, @FILE a file's text.

    \b
      aos call memory.put key=city value=Oslo
      aos call tool.call name=calculator arguments='{"expression": "6*7"}'
    """

    async def work(os: OS) -> None:
        known = await _find(os, syscall)
        arguments = convert(pairs, known)
        if known.traits.stream:
            async for item in os.stream(syscall, arguments, deadline=deadline):
                show_json(item, indent=None)
        else:
            result = await os.call(syscall, arguments, deadline=deadline)
            show_json(result, indent=None if compact else 2)

    session(work)


@click.command()
@as_json
@click.argument("name", required=False)
def syscalls(name: str | None, as_json: bool) -> None:
    """List the syscalls, or explain one."""

    async def work(os: OS) -> list[Description]:
        return [await _find(os, name)] if name else await os.system.table()

    found = session(work)
    if as_json:
        show_json(found)
    elif name is None:
        table(
            ("SYSCALL", "ARGUMENTS", "PURPOSE"),
            ((one.name, ", ".join(one.parameters), one.doc.split("\n")[0]) for one in found),
        )
    else:
        (one,) = found
        click.echo(f"{one.name}({', '.join(one.parameters)})\n\n{one.doc}\n")
        click.echo(json.dumps({"arguments": one.arguments, "result": one.result}, indent=2))


async def _find(os: OS, name: str) -> Description:
    for one in await os.system.table():
        if one.name == name:
            return one
    raise NoSyscall(f"there is no syscall {name!r}")


def convert(pairs: Iterable[str], known: Description) -> dict[str, Any]:
    """Return the arguments that a person's KEY=VALUE pairs stand for."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise click.UsageError(f"{pair!r} is no KEY=VALUE")
        if key in arguments:
            raise click.UsageError(f"{key} is given twice")
        arguments[key] = _value(text, known.arguments.get("properties", {}).get(key, {}))
    return arguments


def _value(text: str, schema: dict[str, Any]) -> Any:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text()
        except OSError as error:
            raise click.ClickException(f"{text[1:]}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise click.ClickException(f"{text[1:]} is no text") from None
    kinds = {one.get("type") for one in schema.get("anyOf", [schema])}
    if kinds <= {"string", "null"} and "string" in kinds:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
