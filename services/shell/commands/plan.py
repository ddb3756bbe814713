"""`aos plan`: what was thought of, what was done, and what came of it."""

from __future__ import annotations

from pathlib import Path

import click

from ....syscalls.os import OS
from ....syscalls.plan import Decision, PlanInfo, Step
from ..group import Group
from ..output import as_json, said, short, show_json, table
from ..session import session


@click.group(cls=Group)
def plan() -> None:
    """Look at plans and judge them."""


@plan.command()
@as_json
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def ls(as_json: bool, limit: int) -> None:
    """List plans, the newest first."""
    found = session(lambda os: os.plan.ls(limit))
    if as_json:
        show_json(found)
        return
    table(
        ("PLAN", "PID", "STATE", "STRATEGY", "SCORE", "CONFIDENCE", "JUDGED", "TASK"),
        (
            (o.id, o.pid, o.state, o.strategy, _number(o.score), _percent(o.confidence),
             _judged(o), _line(o.task))
            for o in found
        ),
    )  # fmt: skip


@plan.command()
@as_json
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.argument("number", type=int)
def show(number: int, as_json: bool, html: Path | None) -> None:
    """Show a plan with every candidate and score."""
    if html is not None:
        html.write_text(session(lambda os: os.plan.page(number)))
        click.echo(f"{html} is written", err=True)
        return
    found = session(lambda os: os.plan.show(number))
    if as_json:
        show_json(found)
    else:
        _tell(found)


@plan.command()
@as_json
@click.option("--success/--failure", required=True, help="Whether it did what was wanted.")
@click.argument("number", type=int)
def judge(as_json: bool, number: int, success: bool) -> None:
    """Say whether a plan did what was wanted: scores are calibrated by it."""
    session(lambda os: os.plan.judge(number, success))
    if as_json:
        show_json({"plan": number, "success": success})
    else:
        click.echo(f"plan {number} is judged a {'success' if success else 'failure'}")


@plan.command()
@as_json
def calibration(as_json: bool) -> None:
    """Show how well confidence has told success."""
    found = session(lambda os: os.plan.calibration())
    if as_json:
        show_json(found)
        return
    error = "not known yet" if found.ece is None else f"{found.ece:.3f}"
    click.echo(f"outcomes {found.outcomes}, foretold {found.predicted}, calibration error {error}")
    if found.bins:
        table(
            ("CONFIDENCE", "SUCCESS", "PLANS"),
            ((_percent(o.confidence), _percent(o.success), o.plans) for o in found.bins),
        )


@plan.command()
@as_json
def strategies(as_json: bool) -> None:
    """List the strategies that there are."""
    found = session(_strategies)
    if as_json:
        show_json(found)
    else:
        table(("STRATEGY", "WHAT IT DOES"), found.items())


async def _strategies(os: OS) -> dict[str, str]:
    return await os.plan.strategies()


def _tell(found: PlanInfo) -> None:
    said(f"plan {found.id}: {found.task}")
    click.echo(f"{found.state} by {found.strategy} with {found.model or 'no model yet'}")
    if not found.scored:
        click.echo("unscored: the model does not tell how likely its words are")
    for place, decision in enumerate(found.decisions, 1):
        click.echo(f"\nround {place} ({decision.cause})")
        _candidates(decision)
        for step in decision.taken:
            mark = "failed" if step.failed else "done"
            click.echo(f"  {mark}: {_call(step)} -> {_line(step.result or '')}")
    click.echo()
    said(found.answer if found.answer is not None else found.reason or "no answer yet")
    for source in found.sources:
        said(f"  source: {source}")


def _candidates(decision: Decision) -> None:
    for place, one in enumerate(decision.candidates):
        mark = "*" if place == decision.chosen else " "
        sure = "" if one.confidence is None else f" {one.confidence:4.0%}"
        drawn = f" x{one.count}" if one.count > 1 else ""
        thought = [_call(step) for step in one.steps]
        thought += [] if one.answer is None else [repr(_line(one.answer))]
        click.echo(f"  {mark} {_number(one.score) or 'unscored'}{sure}{drawn} {'; '.join(thought)}")


def _call(step: Step) -> str:
    values = ", ".join(f"{name}={value!r}" for name, value in step.arguments.items())
    return f"{step.tool}({_line(values)})"


def _line(text: str) -> str:
    return short(text, 70)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _judged(found: PlanInfo) -> str | None:
    return {True: "success", False: "failure", None: None}[found.outcome]
