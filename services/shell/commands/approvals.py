"""Commands for calls that wait for a person: approvals, approve, deny."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from ....syscalls.approval import Asked, Remember
from ....syscalls.os import OS
from ..moment import date
from ..output import ago, as_json, plain, show_json, visible
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
    if not found:
        click.echo("no call waits for an answer", err=True)
    now = time.time()
    for one in found:
        click.echo(described(one, now))


@click.command()
@click.option("--always", is_flag=True, help="As often as this process asks for the same.")
@click.option("--done", is_flag=True, help="Of a call in doubt: it has happened.")
@click.option("--result", metavar="JSON", help="What it has returned; null by default.")
@as_json
@_ID
def approve(id: int, always: bool, done: bool, result: str | None, as_json: bool) -> None:
    """Let a call go on. One that is in doubt is made again, unless it is --done."""
    try:
        value = None if result is None else json.loads(result)
    except ValueError as error:
        raise click.UsageError(f"--result is no JSON: {error}") from None
    _answer(id, as_json, always=always, done=done or result is not None, result=value)


@click.command()
@click.option("--always", is_flag=True, help="As often as this process asks for the same.")
@as_json
@_ID
@click.argument("reason", required=False)
def deny(id: int, reason: str | None, always: bool, as_json: bool) -> None:
    """Refuse a call; its process is told the reason. One that is in doubt ends in EINDOUBT."""
    _answer(id, as_json, allow=False, always=always, reason=reason)


def _answer(id: int, as_json: bool, *, allow: bool = True, always: bool, **said: Any) -> None:
    async def work(os: OS) -> Asked:
        remember: Remember = "process" if always else "once"
        return await os.approval.answer(id, allow, remember, **said)

    asked = session(work)
    if as_json:
        show_json(asked)
    else:
        click.echo(id)


def described(one: Asked, now: float) -> str:
    """Return what a person needs to know of a call, with all of its arguments."""
    what = one.syscall if one.subject is None else f"{one.syscall}:{one.subject}"
    verb = "asks for" if one.in_doubt is None else "is in doubt about"
    head = f"{click.style(str(one.id), bold=True)}  {one.name} (process {one.pid}) {verb} "
    left = "while it is suspended" if one.expires is None else f"for {ago(one.expires - now)} more"
    lines = [
        head
        + click.style(visible(what), fg="cyan")
        + (", which has an effect" if one.effect else ""),
        *(f"    {line}" for line in _arguments(one.arguments)),
        f"    by {visible(one.capability)}: {visible(one.reason)}",
        f"    waits {left}; then it is denied",
    ]
    if one.in_doubt is not None:
        lines[-2:] = [
            f"    it went out {date(one.in_doubt)}, and nobody knows whether it has happened",
            f"    aos approve {one.id}: again; aos approve --done {one.id}: it has; "
            f"aos deny {one.id}: EINDOUBT",
            f"    waits {left}; then it ends in EINDOUBT",
        ]
    if one.tainted:
        lines.insert(-1, f"    tainted by {', '.join(map(visible, one.tainted))}")
    return "\n".join(lines)


def _arguments(value: Any, under: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _arguments(one, f"{under}.{key}" if under else str(key))
        return
    first, *rest = _value(value)
    yield f"{visible(under)} = {first}"
    yield from rest


def _value(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    first, *rest = map(visible, text.split("\n"))
    # The lines of a text stand behind a bar, so that none passes for one of ours.
    return [first, *(f"  | {one}" for one in rest)]
