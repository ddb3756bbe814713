"""Commands for calls that wait for a person: approvals, approve, deny."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from ....syscalls.approval import Asked, Remember
from ....syscalls.os import OS
from ..output import ago, as_json, plain, show_json
from ..session import session

_ID = click.argument("id", type=click.IntRange(1))


@click.command()
@as_json
def approvals(as_json: bool) -> None:
    """Show the calls that wait until somebody approves or denies them."""
    found = session(lambda os: os.approval.ls())
    if as_json:
        show_json(found)
        return
    now = time.time()
    for one in found:
        click.echo(described(one, now))


@click.command()
@click.option("--always", is_flag=True, help="As often as this process asks for the same.")
@as_json
@_ID
def approve(id: int, always: bool, as_json: bool) -> None:
    """Let a call go on."""
    _answer(id, True, always, None, as_json)


@click.command()
@click.option("--always", is_flag=True, help="As often as this process asks for the same.")
@as_json
@_ID
@click.argument("reason", required=False)
def deny(id: int, reason: str | None, always: bool, as_json: bool) -> None:
    """Refuse a call; its process is told the reason."""
    _answer(id, False, always, reason, as_json)


def _answer(id: int, allow: bool, always: bool, reason: str | None, as_json: bool) -> None:
    async def work(os: OS) -> Asked:
        remember: Remember = "process" if always else "once"
        return await os.approval.answer(id, allow, remember, reason)

    asked = session(work)
    if as_json:
        show_json(asked)
    else:
        click.echo(id)


def described(one: Asked, now: float) -> str:
    """Return what a person needs to know of a call, with all of its arguments."""
    what = one.syscall if one.subject is None else f"{one.syscall}:{one.subject}"
    head = f"{click.style(str(one.id), bold=True)}  {one.name} (process {one.pid}) asks for "
    left = "while it is suspended" if one.expires is None else f"for {ago(one.expires - now)} more"
    lines = [
        head
        + click.style(_line(what), fg="cyan")
        + (", which has an effect" if one.effect else ""),
        *(f"    {line}" for line in _arguments(one.arguments)),
        f"    by {_line(one.capability)}: {_line(one.reason)}",
        f"    waits {left}; then it is denied",
    ]
    if one.tainted:
        lines.insert(-1, f"    tainted by {', '.join(map(_line, one.tainted))}")
    return "\n".join(lines)


def _arguments(value: Any, under: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _arguments(one, f"{under}.{key}" if under else str(key))
        return
    first, *rest = _value(value)
    yield f"{_line(under)} = {first}"
    yield from rest


def _value(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    first, *rest = map(_line, text.split("\n"))
    # The lines of a text stand behind a bar, so that none passes for one of ours.
    return [first, *(f"  | {one}" for one in rest)]


def _line(text: str) -> str:
    """Return a stranger's text as what cannot steer a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
