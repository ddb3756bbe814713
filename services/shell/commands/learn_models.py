"""The models that were learnt: `aos learn models`, `card`, `adopt`, `discard`, and which of them
answers: `promote`, `rollback`, `promotions`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from ....syscalls.learning import ModelCard, Promotion, Verdict
from ..moment import date
from ..output import ago, as_json, show_json, table
from ..session import insist, session
from .learn_plot import number


@click.command()
@as_json
def models(as_json: bool) -> None:
    """List the models in the store, the newest first."""
    found = session(lambda os: os.learning.models())
    if as_json:
        show_json(found)
        return
    now = time.time()
    table(
        ("NAME", "KIND", "PARAMETERS", "PARENT", "JOB", "AGE", "JUDGED", "SCORES"),
        (
            (o.name, o.kind, f"{o.parameters:,}", o.parent, o.job, ago(now - o.created),
             _judged(o), _scores(o))
            for o in found
        ),
    )  # fmt: skip


@click.command()
@as_json
@click.argument("name")
def card(name: str, as_json: bool) -> None:
    """Show where a model comes from and what it can do."""
    found = session(lambda os: os.learning.card(name))
    if as_json:
        show_json(found)
    else:
        _tell(found)


@click.command()
@click.option("--parent", help="Of an adapter: the model in the store that it changes.")
@as_json
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def adopt(name: str, folder: Path, parent: str | None, as_json: bool) -> None:
    """Take a model's folder into the store as NAME."""
    path = str(folder.resolve())
    found = session(lambda os: os.learning.adopt(name, path, parent), start=True)
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found.name}: {found.kind}, {found.parameters:,} parameters")


@click.command()
@as_json
@click.argument("name")
def discard(name: str, as_json: bool) -> None:
    """Delete a model that nothing needs."""
    session(lambda os: os.learning.discard(name))
    if as_json:
        show_json({"discarded": name})
    else:
        click.echo(f"{name} is deleted")


@click.command()
@click.option(
    "--share", type=click.FloatRange(0, 1), default=1.0, show_default=True,
    help="Of the processes that it answers.",
)  # fmt: skip
@click.option("--overrule", is_flag=True, help="Whatever the gate says.")
@as_json
@click.argument("name")
def promote(name: str, share: float, overrule: bool, as_json: bool) -> None:
    """Let a model answer that has passed the gate.

    Calls that have begun come to their end as they began.
    """
    made = session(lambda os: insist(lambda: os.learning.promote(name, share, overrule)))
    if as_json:
        show_json(made)
    elif made.share < 1:
        click.echo(
            f"{name} answers {made.share:.0%} of the processes, {_short(made.previous)} the rest"
        )
    else:
        click.echo(f"{name} answers now, in place of {_short(made.previous)}")


@click.command()
@as_json
def rollback(as_json: bool) -> None:
    """Take the last promotion back."""
    undone = session(lambda os: insist(os.learning.rollback))
    if as_json:
        show_json(undone)
    else:
        target, previous = _short(undone.target), _short(undone.previous)
        which = "answers again" if undone.share == 1 else "answers all again"
        click.echo(f"{previous} {which}, in place of {target}")


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@as_json
def promotions(limit: int, as_json: bool) -> None:
    """List the promotions, the newest first."""
    found = session(lambda os: os.learning.promotions(limit))
    if as_json:
        show_json(found)
        return
    now = time.time()
    table(
        ("ID", "AGE", "STATE", "SHARE", "MODEL", "IN PLACE OF", "GATE"),
        (
            (o.id, ago(now - o.time), o.state, f"{o.share:.0%}", _short(o.target),
             _short(o.previous), _gate(o))
            for o in found
        ),
    )  # fmt: skip


def _tell(found: ModelCard) -> None:
    created = date(found.created)
    rows = [
        ("name", found.name), ("kind", found.kind), ("target", found.target),
        ("parameters", f"{found.parameters:,}"), ("parent", found.parent), ("job", found.job),
        ("version", found.version), ("created", created),
    ]  # fmt: skip
    table(("FIELD", "VALUE"), ((name, one) for name, one in rows if one is not None))
    if found.scores:
        click.echo()
        table(("SCORE", "VALUE"), ((name, number(one)) for name, one in found.scores.items()))
    if found.verdicts:
        click.echo()
        table(
            ("SUITE", "BESIDE", "TASKS", "SOLVED", "IT", "WON", "LOST", "P", "GATE"),
            (
                (o.suite, _short(o.baseline), o.tasks, o.solved, o.baseline_solved, o.won, o.lost,
                 f"{o.p:.3g}", "passed" if o.passed else o.reason or "failed")
                for o in found.verdicts
            ),
        )  # fmt: skip
    for title, part in (("data", found.data), ("recipe", found.recipe)):
        if part:
            click.echo(f"\n{title}: {json.dumps(part, indent=2, ensure_ascii=False)}")


def _judged(found: ModelCard) -> str | None:
    return _words(found.verdicts[-1]) if found.verdicts else None


def _gate(found: Promotion) -> str:
    return "overruled" if found.verdict is None else _words(found.verdict)


def _words(verdict: Verdict) -> str:
    result = "passed" if verdict.passed else "failed"
    return f"{result} {verdict.solved}:{verdict.baseline_solved} of {verdict.tasks}"


def _scores(found: ModelCard) -> str:
    return "  ".join(f"{name} {number(one)}" for name, one in list(found.scores.items())[:3])


def _short(target: str) -> str:
    return target.rpartition("/")[2]


COMMANDS = (models, card, adopt, discard, promote, rollback, promotions)
