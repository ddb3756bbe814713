"""`aos model`: what the inference device runs."""

from __future__ import annotations

import os as machine

import click

from ....syscalls.model import ModelInfo
from ....syscalls.os import OS
from ..output import as_json, show_json, table
from ..session import session


@click.group()
def model() -> None:
    """Show or change what the inference device runs."""


@model.command()
@as_json
def ls(as_json: bool) -> None:
    """List the models that the device knows, the active one first."""
    found = session(lambda os: os.model.ls())
    if as_json:
        show_json(found)
    else:
        table(
            ("TARGET", "NAME", "STATE", "DEVICE", "PARAMETERS", "CONTEXT"),
            ((o.target, o.name, o.state, o.device, o.parameters, o.context) for o in found),
        )


@model.command()
@click.option("--name", "--model", "name", help="The model's name at the endpoint.")
@click.option("--key-env", metavar="VARIABLE", help="Variable that holds the endpoint's key.")
@as_json
@click.argument("target")
def use(target: str, name: str | None, key_env: str | None, as_json: bool) -> None:
    """Let the device run TARGET: embedded, hf:FOLDER-or-ID, or openai:URL."""
    key = None
    if key_env is not None:
        key = machine.environ.get(key_env)
        if key is None:
            raise click.UsageError(f"the variable {key_env} is not set")
    target = _absolute(target)

    async def work(os: OS) -> ModelInfo:
        return await os.model.use(target, name, key)

    click.echo(f"loading {target} …", err=True)
    found = session(work, start=True)
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found.name} answers now ({found.target})")


def _absolute(target: str) -> str:
    """Return a target whose folder does not depend on where the daemon runs."""
    kind, _, rest = target.partition(":")
    if kind in ("hf", "scripted") and rest:
        path = machine.path.expanduser(rest)
        if rest.startswith((".", "~")) or machine.path.exists(path):
            return f"{kind}:{machine.path.abspath(path)}"
    return target
