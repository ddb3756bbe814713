"""The commands of `aos knowledge` that tell facts and look for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import click

from ....syscalls.knowledge import Claim, Fact, Format, plain
from ....syscalls.os import OS
from ..output import as_json, said, show_json, table
from ..session import session

#: Bytes of a file that a message takes.
LARGEST = 15 * 1024 * 1024
_FORMATS: dict[str, Format] = {
    ".jsonld": "jsonld", ".json": "jsonld", ".csv": "csv", ".tsv": "csv", ".nt": "ntriples",
}  # fmt: skip
as_of: Callable[[Any], Any] = click.option(
    "--as-of", "as_of", metavar="DATE", help="What held then, such as 2020 or 2020-05-31."
)
limited: Callable[[Any], Any] = click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), help="How many at most."
)


@click.command()
@click.option("--since", metavar="DATE", help="From when it holds.")
@click.option("--until", metavar="DATE", help="Until when; that day is not in it.")
@click.option("--source", help="Who says so; you by default.")
@click.option("--text", is_flag=True, help="OBJECT is a text, not the name of a thing.")
@as_json
@click.argument("subject")
@click.argument("relation")
@click.argument("object")
def tell(
    subject: str,
    relation: str,
    object: str,
    since: str | None,
    until: str | None,
    source: str | None,
    text: bool,
    as_json: bool,
) -> None:
    """Tell a fact; OBJECT is a number, true, false, or the name of a thing."""
    value = object if text else _value(object)
    claim = Claim(
        subject=subject, relation=relation, object=value, thing=not text, since=since, until=until
    )
    if source is not None:
        claim["source"] = source
    (fact,) = session(lambda os: os.knowledge.tell([claim]), start=True)
    show_json(fact) if as_json else _facts([fact])


@click.command()
@as_json
@click.argument("ids", nargs=-1, required=True, type=int)
def retract(ids: tuple[int, ...], as_json: bool) -> int:
    """Take facts back by their numbers; what held before stays to be seen."""
    count = session(lambda os: os.knowledge.retract(list(ids)))
    if as_json:
        show_json({"retracted": count})
    else:
        click.echo(f"{count} taken back")
    return 0 if count == len(set(ids)) else 1


@click.command()
@as_of
@limited
@as_json
@click.argument("pattern")
def ask(pattern: str, as_of: str | None, limit: int | None, as_json: bool) -> None:
    """Show in which ways PATTERN holds, such as: '?who works_at ?firm . ?firm based_in Oslo'."""
    found = session(lambda os: os.knowledge.ask(pattern, as_of, limit=limit or 100))
    if as_json:
        show_json(found)
    elif found and found[0].values:
        names = list(found[0].values)
        table(
            [*(name.upper() for name in names), "SAID BY"],
            ([*(plain(one.values[name]) for name in names), _sources(one.facts)] for one in found),
        )
    elif found:
        _facts(fact for one in found for fact in one.facts)
    else:
        click.echo("it does not hold", err=True)


@click.command()
@click.option("--most", type=click.IntRange(1, 8), default=4, help="Facts of a chain.")
@as_of
@limited
@as_json
@click.argument("start")
@click.argument("end")
def paths(
    start: str, end: str, most: int, as_of: str | None, limit: int | None, as_json: bool
) -> None:
    """Show the shortest chains of facts between two things."""
    found = session(lambda os: os.knowledge.paths(start, end, most, as_of, limit=limit or 10))
    if as_json:
        show_json(found)
    elif not found:
        click.echo(f"no chain of at most {most} facts joins them", err=True)
    for chain in [] if as_json else found:
        said(_chain(chain, end))


@click.command()
@click.option("--depth", type=click.IntRange(1, 4), default=1)
@as_of
@limited
@as_json
@click.argument("thing")
def show(thing: str, depth: int, as_of: str | None, limit: int | None, as_json: bool) -> None:
    """Show what is known around a thing."""
    found = session(lambda os: os.knowledge.neighbourhood(thing, depth, as_of, limit=limit or 200))
    if as_json:
        show_json(found)
    else:
        _facts(found.facts)
        if found.truncated:
            click.echo("… there is more; see --limit", err=True)


@click.command()
@limited
@as_json
def contradictions(limit: int | None, as_json: bool) -> None:
    """Show the facts that cannot hold together."""
    found = session(lambda os: os.knowledge.contradictions(limit=limit or 100))
    if as_json:
        show_json(found)
    else:
        _facts(fact for one in found for fact in one.facts)


@click.command()
@click.option("--format", "format", type=click.Choice(["jsonld", "csv", "ntriples"]))
@click.option("--source", help="Who says what the file names nobody for; its name by default.")
@as_json
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(file: Path, format: Format | None, source: str | None, as_json: bool) -> None:
    """Tell all facts of FILE: JSON-LD, CSV or N-Triples, as its ending says."""
    kind = format or _FORMATS.get(file.suffix.lower())
    if kind is None:
        raise click.UsageError(f"{file} says nothing of its format; name it with --format")
    try:
        text = bytes_of(str(file)).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is no UTF-8 text") from None
    new = session(lambda os: os.knowledge.load(kind, text, source or str(file)), start=True)
    if as_json:
        show_json({"new": new})
    else:
        click.echo(f"{new} new facts")


@click.command()
@click.option("--format", type=click.Choice(["ntriples", "graphml"]), default="ntriples")
@click.option("--json", "as_json", is_flag=True, help="Print the text as a JSON string.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def dump(format: Literal["ntriples", "graphml"], output: Path | None, as_json: bool) -> None:
    """Write all facts as N-Triples or GraphML."""

    async def work(os: OS) -> list[str]:
        return [piece async for piece in os.knowledge.dump(format)]

    pieces = session(work)
    if output is not None:
        output.write_text("".join(pieces), encoding="utf-8")
    elif as_json:
        show_json({"format": format, "text": "".join(pieces)})
    else:
        for piece in pieces:
            click.echo(piece, nl=False)


@click.command()
@click.option("--depth", type=click.IntRange(1, 4), default=1)
@as_of
@click.option("--json", "as_json", is_flag=True, help="Print where it is, as JSON.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.argument("thing")
def picture(thing: str, depth: int, as_of: str | None, output: Path, as_json: bool) -> None:
    """Draw what is known around a thing, as SVG."""
    drawn = session(lambda os: os.knowledge.picture(thing, depth, as_of))
    output.write_text(drawn, encoding="utf-8")
    if as_json:
        show_json({"file": str(output), "bytes": len(drawn.encode())})
    else:
        click.echo(output)


def bytes_of(name: str) -> bytes:
    """Return a file's bytes. Raises `OSError`, also for more than a message takes."""
    path = Path(name)
    if path.stat().st_size > LARGEST:
        raise OSError(0, f"more than {LARGEST} bytes", name)
    return path.read_bytes()


def _facts(facts: Iterable[Fact]) -> None:
    table(
        ("ID", "SUBJECT", "RELATION", "OBJECT", "SINCE", "UNTIL", "SAID BY"),
        ((f.id, f.subject, f.relation, plain(f.object), f.since, f.until, _sources([f]))
         for f in facts),
    )  # fmt: skip


def _sources(facts: Iterable[Fact]) -> str:
    """Return who says some facts, and where."""
    return "; ".join(dict.fromkeys(fact.cite() for fact in facts))


def _chain(chain: list[Fact], end: str) -> str:
    """Return a chain as `Ann -works_at-> Acme <-owns- Bo`."""
    first = chain[0]
    ends = [first.subject, str(first.object)]
    after = [chain[1].subject, str(chain[1].object)] if len(chain) > 1 else [end]
    at = next((one for one in ends if one not in after), first.subject)
    parts = [at]
    for fact in chain:
        forward = fact.subject == at
        at = str(fact.object) if forward else fact.subject
        parts += [f"-{fact.relation}->" if forward else f"<-{fact.relation}-", at]
    return " ".join(parts)


def _value(text: str) -> str | int | float | bool:
    """Return what a person means by an object."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text) if text.strip("+-.eE0123456789") == "" else text
        except ValueError:
            continue
    return text


#: In the order in which they are shown.
COMMANDS = (tell, retract, ask, paths, show, contradictions, load, dump, picture)
