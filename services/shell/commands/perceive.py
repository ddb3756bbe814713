"""`aos perceive`: what agents see of files, pages, pictures and sounds."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from ....syscalls.os import OS
from ....syscalls.perception import Observation, Perceived
from ..output import as_json, show_json, table
from ..session import session

#: Control characters but tabs and line breaks.
_STEERING = dict.fromkeys({*range(32), *range(127, 160)} - {9, 10})


@click.command()
@click.option("--media", metavar="TYPE", help="Media type, in place of what it looks like.")
@click.option(
    "--limit", type=click.IntRange(1, 4_000_000), default=400_000, show_default=True,
    help="Characters of all texts together.",
)  # fmt: skip
@click.option("--senses", is_flag=True, help="Show what can be perceived, and what the rest needs.")
@as_json
@click.argument("source", required=False, metavar="[FILE|URL|-]")
def perceive(
    source: str | None, media: str | None, limit: int, senses: bool, as_json: bool
) -> None:
    """Show what an agent sees of a file, of a page on the web, or of standard input (-)."""
    if senses:
        _senses(as_json)
        return
    if source is None:
        raise click.UsageError("name a file, a URL, or - for standard input")
    found = session(_order(source, media, limit), start=True)
    if as_json:
        show_json(found)
        return
    _show(found)
    for lack in found.missing:
        click.echo(_tame(f"missing: {lack}"), err=True)
    if found.truncated:
        click.echo(f"{found.source} goes on after this", err=True)


def _order(source: str, media: str | None, limit: int) -> Callable[[OS], Awaitable[Perceived]]:
    """Return the syscall for what a person names: a file of theirs is sent along."""
    data = None
    if not source.lower().startswith(("http://", "https://")):
        try:
            data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        except OSError as error:
            raise click.ClickException(f"{source}: {error.strerror}") from None
        source = "standard input" if source == "-" else Path(source).name

    async def work(os: OS) -> Perceived:
        return await os.perception.perceive(source, data, media, limit)

    return work


def _senses(as_json: bool) -> None:
    found = session(lambda os: os.perception.senses(), start=True)
    if as_json:
        show_json(found)
    else:
        table(
            ("SENSE", "STATE", "NEEDS", "MEDIA"),
            (
                (
                    one.name,
                    "ready" if one.available else "unavailable",
                    one.needs,
                    _kinds(one.media),
                )
                for one in found
            ),
        )


def _kinds(media: list[str]) -> str:
    return ", ".join(media) if len(media) < 4 else f"{', '.join(media[:3])} …"


def _show(found: Perceived) -> None:
    size = f"{found.size / 2**20:.1f} MB" if found.size > 2**20 else f"{found.size} bytes"
    click.secho(_tame(found.title or found.source), bold=True)
    click.secho(f"{found.media}, {size}", fg="bright_black")
    for name, value in found.about.items():
        click.secho(_tame(f"{name}: {value}"), fg="bright_black")
    above: tuple[int | None, str | None] | None = None
    for one in found.observations:
        click.echo()
        here = (one.place.page, one.place.section)
        if here != above:
            above = here
            page = f"page {here[0]}" if here[0] is not None else ""
            if heading := ", ".join(part for part in (page, here[1]) if part):
                click.secho(_tame(heading), fg="cyan", bold=True)
        _observation(one)


def _observation(one: Observation) -> None:
    if one.rows:
        width = max(map(len, one.rows))
        head, *body = (
            [*(_tame(" ".join(cell.split())) for cell in row), *[""] * (width - len(row))]
            for row in one.rows
        )
        table(head, body)
        return
    if one.kind == "audio" and one.place.start is not None:
        click.secho(f"{one.place}: ", nl=False, fg="bright_black")
    text = _tame(one.text)
    click.echo(f"[image] {text}" if one.kind == "image" else text)
    if one.kind in ("image", "audio") and one.data:
        click.secho(_facts(one.data), fg="bright_black")


def _facts(data: dict[str, Any]) -> str:
    shown = {key: value for key, value in data.items() if key not in ("reads", "caption")}
    return _tame(", ".join(f"{key} {value}" for key, value in shown.items()))


def _tame(text: str) -> str:
    """Return a stranger's text without what would steer the terminal."""
    return text.translate(_STEERING)
