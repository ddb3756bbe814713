"""How commands show things: tables and colours on a terminal, JSON for programs.

Interface:
    as_json         the `--json` option
    show_json       one document on stdout
    visible         a stranger's text in one line
    said            what a program or a stranger has written
    table           rows under headings
    ago, size       durations and bytes for people
    counted         how many there are of something
    amounts         what is spent, or may be, by its name
    short           a text in one line of bounded length
    halves          what two texts of a line may take of it
    silence         what is printed from now on goes nowhere
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

#: What JSON may hold as it is and a terminal takes for a command, or turns the line around by.
_STEERING = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
as_json: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs."
)


def plain(value: Any) -> Any:
    """Return a value in what JSON carries."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: plain(one) for key, one in dataclasses.asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def show_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document."""
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False)
    click.echo(_STEERING.sub(lambda one: f"\\u{ord(one[0]):04x}", text))


def visible(text: str) -> str:
    """Return a text as one line that cannot steer a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def said(text: str, err: bool = False) -> None:
    """Print what a program or a stranger has written: as it is into a pipe, harmless on a
    terminal."""
    if (sys.stderr if err else sys.stdout).isatty():
        lines = text.expandtabs().replace("\r\n", "\n").split("\n")
        text = "\n".join(map(visible, lines))
    click.echo(text, err=err)


def table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print rows under headings: drawn on a terminal, plain columns into a pipe."""
    head, body = list(headings), [[_cell(one) for one in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        for line in [head, *body]:
            cells = (one.ljust(width) for one, width in zip(line, widths, strict=True))
            click.echo("  ".join(cells).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in head:
        drawn.add_column(heading, overflow="fold")  # A path or an address is told whole.
    for line in body:
        drawn.add_row(*(_coloured(one) for one in line))
    Console().print(drawn)


#: Words that say how something is.
_COLOURS = {
    "running": "green", "ready": "green", "ok": "green", "enforced": "green", "healthy": "green",
    "blocked": "cyan", "suspended": "yellow", "loading": "yellow", "starting": "yellow",
    "waiting": "yellow", "warn": "yellow", "unavailable": "yellow", "failed": "red",
    "fail": "red", "zombie": "bright_black",
}  # fmt: skip


def _cell(value: Any) -> str:
    return "-" if value is None else visible(str(value))


def _coloured(text: str) -> Any:
    from rich.text import Text

    return Text(text, style=_COLOURS.get(text, ""))


def ago(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def size(count: float) -> str:
    """Return bytes in MB, or in KB where they are less than one."""
    return f"{count / 2**20:.0f} MB" if count >= 2**20 else f"{count / 2**10:.0f} KB"


def counted(count: int, one: str) -> str:
    """Return a number with what it counts, of which `one` is the word for one."""
    return f"{count:,} {one}" + ("" if count == 1 else "s")


def amounts(values: dict[str, Any]) -> str:
    """Return what each of several things comes to, without digits that nobody reads."""
    return "  ".join(f"{key}={_amount(one)}" for key, one in values.items()) or "-"


def _amount(value: Any) -> str:
    return str(round(value, 3)).removesuffix(".0") if isinstance(value, float) else str(value)


def short(text: str, most: int) -> str:
    """Return a text as one line of at most so many characters, which cannot steer a terminal."""
    text = visible(" ".join(text[: 4 * most + 1].split()))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def halves(room: int, first: str, second: str) -> tuple[int, int]:
    """Return how many of `room` characters two texts take: what one leaves goes to the other."""
    half = max(room // 2, 1)
    if len(second) < half:
        return max(room - len(second), half), half
    taken = min(len(first), half)
    return half, max(room - taken, half)


def silence() -> None:
    """Let what is printed from now on go nowhere: whoever read it has gone.

    Python would complain at its own end about what could not be written.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
