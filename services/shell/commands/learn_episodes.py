"""What agents did and what it was worth: `aos learn trajectories` and `aos reward`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ....syscalls.episodes import COLUMNS, lines, rows
from ....syscalls.learning import Episode
from ....syscalls.os import OS
from ..output import ago, as_json, short, show_json, table
from ..session import resolve, session
from .learn_plot import number

#: Episodes that are asked for at once.
PAGE = 100


@click.command()
@click.option("--pid", "who", multiple=True, help="Of this agent; more than one may be named.")
@click.option("--name", help="Of agents called so; * stands for anything.")
@click.option("--after", type=click.IntRange(0), default=0, help="Of agents with a higher pid.")
@click.option("--jsonl", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE|-",
              help="Write an episode to a line.")  # fmt: skip
@click.option("--parquet", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write an action to a row; takes pyarrow.")  # fmt: skip
@as_json
def trajectories(
    who: tuple[str, ...],
    name: str | None,
    after: int,
    jsonl: str | None,
    parquet: Path | None,
    as_json: bool,
) -> None:
    """Show what agents did, or write it to a file to learn from."""

    async def work(os: OS) -> list[Episode]:
        pids = [await resolve(os, one) for one in who] or None
        found: list[Episode] = []
        last = after
        while page := await os.learning.trajectories(pids, name, last, PAGE):
            found, last = found + page, page[-1].pid
        return found

    table_of = None if parquet is None else _arrow()
    found = session(work)
    if jsonl is not None:
        _lines(found, jsonl)
    if parquet is not None:
        _rows(found, parquet, table_of)
    if as_json:
        show_json(found)
    elif jsonl is None and parquet is None:
        _show(found)
    else:
        click.echo(f"{len(found)} episodes are written", err=True)


@click.command()
@click.option("--by", help="Who says so, in place of you.")
@click.option("--note", help="Why.")
@as_json
@click.argument("pid")
@click.argument("value", type=float)
def reward(pid: str, value: float, by: str | None, note: str | None, as_json: bool) -> None:
    """Say what an agent's work was worth, in place of what you have said before."""

    async def work(os: OS) -> int:
        number = await resolve(os, pid)
        await os.learning.reward(number, value, by, note)
        return number

    found = session(work)
    if as_json:
        show_json({"pid": found, "value": value})
    else:
        click.echo(f"process {found} was worth {value:g}")


def _show(found: Iterable[Episode]) -> None:
    now = time.time()
    table(
        ("PID", "NAME", "EXIT", "TIME", "DEEDS", "TOKENS", "REWARD", "TASK"),
        (
            (o.pid, o.name, o.exit_code, ago((o.ended or now) - o.started), len(o.deeds),
             f"{o.usage.get('tokens', 0):.0f}", None if o.reward is None else number(o.reward),
             short(o.task or "", 40))
            for o in found
        ),
    )  # fmt: skip


def _lines(found: list[Episode], file: str) -> None:
    place: Any = nullcontext(sys.stdout) if file == "-" else open(file, "w", encoding="utf-8")
    with place as out:
        for line in lines(found):
            out.write(f"{line}\n")


def _arrow() -> Any:
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise click.ClickException("--parquet takes pyarrow: pip install pyarrow") from None
    return import_module("pyarrow")


def _rows(found: list[Episode], file: Path, arrow: Any) -> None:
    schema = arrow.schema([(name, kind) for name, kind in COLUMNS.items()])
    arrow.parquet.write_table(arrow.Table.from_pylist(list(rows(found)), schema), file)
