"""What there is to see of jobs: `aos learn jobs`, `show` and `curves`."""

from __future__ import annotations

import json
import shutil
import time
from itertools import groupby
from pathlib import Path

import click

from ....syscalls.learning import JobInfo, Point
from ....syscalls.os import OS
from ..moment import date
from ..output import ago, as_json, show_json, table
from ..session import session
from .learn_plot import chart, number
from .learn_watch import values

#: Lines of a curve, and the most characters that it is wide.
HEIGHT, WIDTH = 8, 100


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@as_json
def jobs(limit: int, as_json: bool) -> None:
    """List the jobs, the newest first."""
    found = session(lambda os: os.learning.jobs(limit))
    if as_json:
        show_json(found)
        return
    now = time.time()
    table(
        ("JOB", "PID", "NAME", "KIND", "STATE", "STEP", "TIME", "VALUES"),
        (
            (o.id, o.pid, o.name, o.kind, o.state, _steps(o), ago((o.ended or now) - o.started),
             values(o))
            for o in found
        ),
    )  # fmt: skip


@click.command()
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@as_json
@click.argument("number", type=click.IntRange(1), metavar="ID")
def show(number: int, html: Path | None, as_json: bool) -> None:
    """Show a job, or write it as a page.

    The page has its curves, and its models' scores, confusion, samples and verdicts.
    """
    if html is not None:
        html.write_text(session(lambda os: os.learning.page(number)), encoding="utf-8")
        click.echo(f"{html} is written", err=True)
        return
    found = session(lambda os: os.learning.job(number))
    if as_json:
        show_json(found)
    else:
        _tell(found)


@click.command()
@click.option("--name", "names", multiple=True, help="Only this curve; more than one may be named.")
@as_json
@click.argument("job", type=click.IntRange(1), metavar="ID")
def curves(job: int, names: tuple[str, ...], as_json: bool) -> None:
    """Draw a job's curves."""

    async def work(os: OS) -> list[Point]:
        found: list[Point] = []
        wanted, after = list(names) or None, -1
        while points := await os.learning.curves(job, after, wanted):
            found, after = found + points, points[-1].step
        return found

    found = session(work)
    if as_json:
        show_json(found)
        return
    if not found:
        click.echo("there is no such curve yet" if names else "there is no curve yet", err=True)
    width = min(shutil.get_terminal_size().columns, WIDTH)
    by_name = sorted(found, key=lambda point: point.name)
    for name, points in groupby(by_name, key=lambda point: point.name):
        _draw(name, [(point.step, point.value) for point in points], width)


def _draw(name: str, points: list[tuple[int, float]], width: int) -> None:
    heights = [value for _, value in points]
    last = f"step {points[-1][0]:,}"
    marks = (number(max(heights)), number(min(heights)))
    margin = max(map(len, marks)) + 1
    click.echo(f"{name}: {number(heights[0])} → {number(heights[-1])}")
    lines = chart(points, max(width - margin, 10), HEIGHT)
    for place, line in enumerate(lines):
        mark = {0: marks[0], HEIGHT - 1: marks[1]}.get(place, "")
        click.echo(f"{mark:>{margin - 1}} {line}")
    first = f"step {points[0][0]:,}"
    click.echo(f"{'':{margin}}{first}{last:>{max(width - margin - len(first), 0)}}\n")


def _tell(job: JobInfo) -> None:
    began = date(job.started)
    took = ago((job.ended or time.time()) - job.started)
    rows = [
        ("job", job.id), ("name", job.name), ("kind", job.kind), ("state", job.state),
        ("remark" if job.state == "succeeded" else "reason", job.reason), ("pid", job.pid),
        ("step", _steps(job)), ("began", began), ("took", took),
        ("gone on from", job.since or None), ("models", ", ".join(job.models)),
        ("folder", job.folder),
    ]  # fmt: skip
    table(("FIELD", "VALUE"), ((name, one) for name, one in rows if one not in (None, "")))
    if job.metrics:
        click.echo()
        table(("CURVE", "LATEST"), ((name, number(job.metrics[name])) for name in job.metrics))
    click.echo(f"\n{json.dumps(job.recipe, indent=2, ensure_ascii=False)}")


def _steps(job: JobInfo) -> str:
    return f"{job.step:,}" if job.total is None else f"{job.step:,}/{job.total:,}"


COMMANDS = (jobs, show, curves)
