"""`aos learn`: jobs that train, the models they make, and which of these answers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from ....syscalls.learning import JobInfo, ModelCard
from ....syscalls.os import OS
from ..group import Group
from ..output import ago, as_json, show_json
from ..session import session
from . import learn_episodes, learn_jobs, learn_models
from .learn_plot import number
from .learn_watch import Watch

_KINDS = {
    "pretrain": "Train a language model on texts.",
    "finetune": "Train on classes, dialogues or preferences.",
    "rl": "Learn from rewards for what is done.",
    "evaluate": "Compare a model with what answers.",
}


@click.group(cls=Group)
def learn() -> None:
    """Train models, look at them, and let the better ones answer."""


def _starting(kind: str, line: str) -> click.Command:
    @click.option("-d", "--detach", is_flag=True, help="Print its pid and leave it running.")
    @click.option("--fresh", is_flag=True, help="Begin anew, whatever checkpoint there is.")
    @click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds.")
    @as_json
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def start(
        file: Path,
        detach: bool,
        fresh: bool,
        timeout: float | None,
        as_json: bool,
    ) -> int:
        _check(file, kind)
        order = {
            "program": str(file.resolve()),
            "arguments": ["--fresh"] if fresh else [],
            "timeout": timeout,
        }
        return session(lambda os: _run(os, order, detach, as_json), start=True)

    start.__doc__ = f"{line}\n\nThe same command goes on after a stop or a kill."
    return click.command(kind)(start)


for _kind, _line in _KINDS.items():
    learn.add_command(_starting(_kind, _line))
for _command in (*learn_jobs.COMMANDS, *learn_models.COMMANDS, learn_episodes.trajectories):
    learn.add_command(_command)


def _check(file: Path, kind: str) -> None:
    """Refuse a file that is no job of this kind."""
    try:
        said: dict[str, Any] = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise click.ClickException(f"{file}: {error}") from None
    part = said.get("job")
    own = part.get("kind") if isinstance(part, dict) else None
    if said.get("runtime") != "learn" or own is None:
        raise click.ClickException(
            f'{file} is no job: it needs runtime = "learn", and kind under [job]'
        )
    if own != kind:
        hint = f": aos learn {own} {file}" if own in _KINDS else f"; there are {', '.join(_KINDS)}"
        raise click.ClickException(f"{file} is a job of the kind {own!r}{hint}")


async def _run(os: OS, order: dict[str, Any], detach: bool, as_json: bool) -> int:
    pid = await os.process.spawn(**order)
    if detach:
        show_json({"pid": pid}, indent=None) if as_json else click.echo(pid)
        return 0
    watch = Watch(os, pid, as_json)
    try:
        ended = await watch.run()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    if ended is None:
        click.echo(f"process {pid} goes on; stop it with: aos stop {pid}", err=True)
        return 0
    if as_json:
        show_json(watch.job or ended, indent=None)
    elif watch.job is not None:
        models = [one for one in await os.learning.models() if one.name in watch.job.models]
        _tell(watch.job, models)
    if ended.code and not as_json:
        click.echo(f"process {pid} {ended.reason}", err=True)
    return ended.code


def _tell(job: JobInfo, models: list[ModelCard]) -> None:
    took = ago((job.ended or job.started) - job.started)
    click.echo(f"job {job.id} {job.state} at step {job.step:,} after {took}", err=True)
    if job.state in ("stopped", "lost"):
        click.echo("the same command goes on from its last checkpoint", err=True)
    for name, value in sorted(job.metrics.items()):
        click.echo(f"{name:<24} {number(value)}")
    for card in models:
        scores = "".join(f", {name} {number(value)}" for name, value in card.scores.items())
        click.echo(f"model {card.name}: {card.kind}, {card.parameters:,} parameters{scores}")
