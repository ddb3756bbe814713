"""`aos memory`: what agents remember, and what is wrong with it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import click

from ....syscalls.memory import Item, Recollection, Tier
from ....syscalls.os import OS
from ..group import Group
from ..output import ago, as_json, short, show_json, table
from ..session import resolve, session

#: Characters of a value or a text in a table.
WIDTH = 80
#: Seconds of a day.
DAY = 86400.0
_where: Callable[[Any], Any] = click.option(
    "--in", "namespace", default="user", metavar="NAMESPACE", show_default=True,
    help="user, own, or shared/NAME.",
)  # fmt: skip


@click.group(cls=Group)
def memory() -> None:
    """Look at what agents remember, add to it, and clear it up."""


@memory.command()
@_where
@as_json
@click.argument("prefix", default="")
def ls(prefix: str, namespace: str, as_json: bool) -> None:
    """List the values that are remembered by key, those that start with PREFIX."""
    _items(session(lambda os: os.memory.ls(prefix, namespace)), as_json)


@memory.command()
@_where
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=10, show_default=True)
@as_json
@click.argument("query", nargs=-1, required=True)
def search(query: tuple[str, ...], limit: int, namespace: str, as_json: bool) -> None:
    """Search the values that are remembered by key."""
    _items(session(lambda os: os.memory.search(" ".join(query), namespace, limit)), as_json)


@memory.command()
@_where
@click.option("--tier", type=click.Choice(["semantic", "episodic"]), help="Only of this tier.")
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@as_json
@click.argument("query", nargs=-1)
def recall(
    query: tuple[str, ...], tier: Tier | None, limit: int, namespace: str, as_json: bool
) -> None:
    """Show what is remembered about QUERY; without one, what is newest."""
    tiers: list[Tier] | None = None if tier is None else [tier]
    found = session(lambda os: os.memory.recall(" ".join(query), tiers, limit, namespace))
    if as_json:
        show_json(found)
    else:
        _pieces(found)


@memory.command()
@_where
@click.option(
    "--tier", type=click.Choice(["semantic", "episodic"]), default="semantic", show_default=True
)
@click.option("--importance", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option("--source", help="Where it comes from.")
@as_json
@click.argument("text")
def write(
    text: str, tier: str, importance: float, source: str | None, namespace: str, as_json: bool
) -> None:
    """Remember TEXT; - reads it from standard input."""
    said = sys.stdin.read() if text == "-" else text
    of = cast(Literal["semantic", "episodic"], tier)
    piece = session(lambda os: os.memory.write(said, of, importance, source, namespace))
    if as_json:
        show_json(piece)
    else:
        click.echo(piece.id)


@memory.command()
@_where
@as_json
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(0))
def forget(ids: tuple[int, ...], namespace: str, as_json: bool) -> int:
    """Forget pieces for good; the exit code is 1 where one was not there."""
    count = session(lambda os: os.memory.forget(list(ids), namespace))
    if as_json:
        show_json({"forgotten": count})
    else:
        click.echo(f"{count} forgotten")
    return 0 if count == len(set(ids)) else 1


@memory.command()
@_where
@as_json
def audit(namespace: str, as_json: bool) -> int:
    """Show duplicates, contradictions and echoes; the exit code is 1 where there are any."""
    found = session(lambda os: os.memory.audit(namespace))
    if as_json:
        show_json(found)
    else:
        rows = ((one.kind, " ".join(map(str, one.ids)), _cut(one.text)) for one in found.findings)
        if found.findings:
            table(("FINDING", "PIECES", "TEXTS"), rows)
        click.echo(f"{found.pieces} pieces, {len(found.findings)} findings", err=True)
    return 1 if found.findings else 0


@memory.command()
@_where
@click.option("--pid", help="Only of this agent; by default of all.")
@click.option("--extract", is_flag=True, help="Let the model write what was learned.")
@as_json
def consolidate(pid: str | None, extract: bool, namespace: str, as_json: bool) -> None:
    """Turn what agents have done into what is known."""

    async def work(os: OS) -> Any:
        who = None if pid is None else await resolve(os, pid)
        if extract:
            click.echo("the model reads what has happened …", err=True)
        return await os.memory.consolidate(namespace, who, extract)

    done = session(work)
    if as_json:
        show_json(done)
    else:
        useless = f", {done.dropped} useless answers" if done.dropped else ""
        click.echo(
            f"{done.episodes} episodes: {done.added} pieces are new,"
            f" {done.strengthened} strengthened{useless}"
        )


@memory.command()
@_where
@click.option("--half-life", type=click.FloatRange(0, min_open=True), default=30.0,
              show_default=True, metavar="DAYS", help="Days in which strength halves.")  # fmt: skip
@click.option("--below", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@as_json
def decay(half_life: float, below: float, namespace: str, as_json: bool) -> None:
    """Forget what has become weak."""
    count = session(lambda os: os.memory.decay(half_life * DAY, below, namespace))
    if as_json:
        show_json({"forgotten": count})
    else:
        click.echo(f"{count} forgotten")


@memory.command()
@as_json
@click.argument("pid")
def mind(pid: str, as_json: bool) -> None:
    """Show what an agent has in mind, the oldest first."""

    async def work(os: OS) -> Any:
        return await os.memory.mind(await resolve(os, pid))

    found = session(work)
    if as_json:
        show_json(found)
        return
    table(
        ("ID", "TOKENS", "PINNED", "TEXT"),
        ((o.id, o.tokens, "yes" if o.pinned else "", _cut(o.text)) for o in found.thoughts),
    )
    click.echo(f"{found.tokens} of {found.capacity} tokens", err=True)


def _items(found: Sequence[Item | Any], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    now = time.time()
    table(
        ("KEY", "VALUE", "AGE"),
        ((o.key, _cut(_value(o.value)), ago(now - o.updated)) for o in found),
    )


def _pieces(found: Sequence[Recollection]) -> None:
    now = time.time()
    table(
        ("ID", "TIER", "STRENGTH", "AGE", "SOURCE", "TEXT"),
        (
            (o.id, o.tier, f"{o.strength:.2f}", ago(now - o.written), _source(o), _cut(o.text))
            for o in found
        ),
    )


def _source(piece: Recollection) -> str:
    return f"{piece.source} (untrusted)" if piece.untrusted else piece.source


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return short(text, WIDTH)
