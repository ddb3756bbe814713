"""`aos knowledge`: documents taken in, facts told, and both looked for."""

from __future__ import annotations

import asyncio
import os as machine
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import click

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.knowledge import Ingested, Passage
from ....syscalls.os import OS
from ..group import Group
from ..output import ago, as_json, said, show_json, table, visible
from ..session import session
from . import facts
from .facts import bytes_of, limited

#: Files that are taken in at once.
AT_ONCE = 3


@click.group(cls=Group)
def knowledge() -> None:
    """Take documents in, tell facts, and look for both."""


for command in facts.COMMANDS:
    knowledge.add_command(command)


@knowledge.command()
@click.option("--extract", is_flag=True, help="Let the model write facts out of each passage.")
@as_json
@click.argument("paths", nargs=-1, required=True)
def ingest(paths: tuple[str, ...], extract: bool, as_json: bool) -> int:
    """Take in files, folders and URLs; what stands there already is not done again.

    A file that cannot be read is named, and the others go on; the exit code is 1 then.
    """
    files, skipped = _files(paths)
    taken: dict[str, Ingested] = {}
    failed: dict[str, str] = {}

    async def work(os: OS) -> None:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(name: str) -> None:
            async with turn:
                try:
                    data = None if _is_url(name) else bytes_of(name)
                    taken[name] = await os.knowledge.ingest(name, data, extract=extract)
                except (LLMAgentOSError, OSError) as error:
                    if os.client.lost.is_set():
                        raise  # The daemon has gone, and the rest would fail as well.
                    failed[name] = str(error.strerror if isinstance(error, OSError) else error)
                    say(f"aos: {name}: {failed[name]}")
                else:
                    for what in taken[name].document.missing:
                        say(f"aos: {name}: missing: {what}")
                step(name)

        with _progress(len(files)) as (say, step):
            await asyncio.gather(*map(one, files))

    session(work, start=True)
    done = [taken[name] for name in files if name in taken]
    if as_json:
        wrong = [{"name": name, "error": failed[name]} for name in files if name in failed]
        show_json({"documents": done, "failed": wrong, "skipped": skipped})
    else:
        fresh = [one for one in done if not one.unchanged]
        click.echo(
            f"{len(fresh)} taken in, {len(done) - len(fresh)} unchanged, {skipped} skipped,"
            f" {len(failed)} failed; {sum(one.added for one in fresh)} new passages,"
            f" {sum(one.document.facts for one in fresh)} facts"
        )
    return 1 if failed else 0


@knowledge.command()
@as_json
def ls(as_json: bool) -> None:
    """List the documents."""
    found = session(lambda os: os.knowledge.documents())
    if as_json:
        show_json(found)
    else:
        now = time.time()
        table(
            ("NAME", "TITLE", "MEDIA", "BYTES", "PASSAGES", "FACTS", "AGE"),
            ((o.name, o.title, o.media, o.size, o.passages, o.facts, ago(now - o.added))
             for o in found),
        )  # fmt: skip


@knowledge.command()
@as_json
@click.argument("names", nargs=-1, required=True)
def rm(names: tuple[str, ...], as_json: bool) -> int:
    """Forget documents, with their passages and facts."""

    async def work(os: OS) -> list[str]:
        return [name for name in names if await os.knowledge.remove(name)]

    gone = session(work)
    if as_json:
        show_json({"removed": gone})
    for name in names:
        if name not in gone:
            click.echo(f"aos: ENOENT: there is no document {name!r}", err=True)
        elif not as_json:
            click.echo(name)
    return 0 if len(gone) == len(names) else 1


@knowledge.command()
@limited
@click.option("--method", type=click.Choice(["fused", "words", "vectors"]), default="fused")
@as_json
@click.argument("query")
def search(
    query: str, limit: int | None, method: Literal["fused", "words", "vectors"], as_json: bool
) -> None:
    """Show the passages that match QUERY best, with where they stand."""
    most = min(limit or 10, 100)
    found = session(lambda os: os.knowledge.search(query, limit=most, method=method))
    if as_json:
        show_json(found)
        return
    for number, one in enumerate(found, start=1):
        click.secho(f"{number}. {visible(one.cite())}", bold=True)
        said(_indented(one) + "\n")


def _files(paths: Iterable[str]) -> tuple[list[str], int]:
    """Return all files that paths lead to, and how many were passed over: hidden or empty ones."""
    found: dict[str, None] = {}
    skipped = 0
    for path in paths:
        if _is_url(path) or not machine.path.isdir(path):
            found[path] = None
            continue
        for folder, folders, names in machine.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = machine.path.join(folder, name)
                if name.startswith(".") or not _holds_something(file):
                    skipped += 1
                else:
                    found[machine.path.normpath(file)] = None
    return list(found), skipped


def _holds_something(file: str) -> bool:
    return machine.path.isfile(file) and machine.path.getsize(file) > 0


def _is_url(path: str) -> bool:
    return path.startswith(("http://", "https://"))


@contextmanager
def _progress(count: int) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """Show how far it is, on a terminal; yield what says a line and what ends a file."""
    if not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True), lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("{task.fields[name]}", markup=False))  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=count, name="")

        def step(name: str) -> None:
            shown.update(task, advance=1, name=name)

        yield lambda line: shown.console.print(line, markup=False, highlight=False), step


def _indented(one: Passage, most: int = 600) -> str:
    text = one.text if len(one.text) <= most else one.text[:most] + " …"
    return "\n".join(f"   {line}" for line in text.splitlines())
