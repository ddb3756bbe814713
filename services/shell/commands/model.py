"""`aos model`: what the inference device runs."""

from __future__ import annotations

import os as machine
from collections.abc import Awaitable, Callable

import click

from ....syscalls.model import ModelInfo
from ....syscalls.os import OS
from ..group import Group
from ..output import as_json, show_json, table
from ..session import session


@click.group(cls=Group)
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
            ("TARGET", "NAME", "STATE", "DEVICE", "PARAMETERS", "CONTEXT", "SHARE"),
            (
                (o.target, o.name, o.state, o.device, o.parameters, o.context, f"{o.share:.0%}")
                for o in found
            ),
        )


@model.command()
@click.option("--name", "--model", "name", help="The model's name at the endpoint.")
@click.option("--key-env", metavar="VARIABLE", help="Variable that holds the endpoint's key.")
@as_json
@click.argument("target")
def use(target: str, name: str | None, key_env: str | None, as_json: bool) -> None:
    """Let the device run TARGET alone: embedded, hf:FOLDER-or-ID, or openai:URL."""
    target, key = _absolute(target), _key(key_env)

    async def work(os: OS) -> ModelInfo:
        return await os.model.use(target, name, key)

    _load(work, target, as_json)


@model.command()
@click.option("--name", "--model", "name", help="The model's name at the endpoint.")
@click.option("--key-env", metavar="VARIABLE", help="Variable that holds the endpoint's key.")
@as_json
@click.argument("target")
def add(target: str, name: str | None, key_env: str | None, as_json: bool) -> None:
    """Let TARGET run beside the models that there are."""
    target, key = _absolute(target), _key(key_env)

    async def work(os: OS) -> ModelInfo:
        return await os.model.add(target, name, key)

    _load(work, target, as_json)


@model.command()
@as_json
@click.argument("target")
@click.argument("share", type=click.FloatRange(0, 1))
def share(target: str, share: float, as_json: bool) -> None:
    """Let TARGET, which runs, serve a SHARE (0 to 1) of the processes that name no model."""
    target = _absolute(target)
    found = session(lambda os: os.model.share(target, share))
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found.name} serves {found.share:.0%} of the processes")


@model.command()
@as_json
@click.argument("target")
def rm(target: str, as_json: bool) -> None:
    """Take one of several models away."""
    target = _absolute(target)
    session(lambda os: os.model.remove(target))
    if as_json:
        show_json({"removed": target})
    else:
        click.echo(f"{target} takes no more calls")


def _load(work: Callable[[OS], Awaitable[ModelInfo]], target: str, as_json: bool) -> None:
    click.echo(f"loading {target} …", err=True)
    found = session(work, start=True)
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found.name} answers now ({found.target})")


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = machine.environ.get(variable)
    if key is None:
        raise click.UsageError(f"the variable {variable} is not set")
    return key


def _absolute(target: str) -> str:
    """Return a target whose folder does not depend on where the daemon runs."""
    kind, _, rest = target.partition(":")
    if kind in ("hf", "scripted") and rest:
        path = machine.path.expanduser(rest)
        if rest.startswith((".", "~")) or machine.path.exists(path):
            return f"{kind}:{machine.path.abspath(path)}"
    return target
