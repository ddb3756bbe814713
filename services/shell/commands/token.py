"""`aos token`: who may use the HTTP API, and for what."""

from __future__ import annotations

import click

from ..group import Group
from ..moment import SPAN, date
from ..output import as_json, show_json, table
from ..session import session


@click.group(cls=Group)
def token() -> None:
    """Make and revoke tokens for the HTTP API."""


@token.command()
@click.option(
    "--cap",
    multiple=True,
    metavar="CAPABILITY",
    help="Grant this; by default everything but what rules the system.",
)
@click.option("--max-tokens", type=click.IntRange(0), help="Tokens that may be spent with it.")
@click.option("--expires", type=SPAN, metavar="TIME", help="Such as 30m, 12h or 7d.")
@click.option("--principal", help="For somebody that the policy names, with what that allows.")
@as_json
@click.argument("name", default="default")
def create(
    name: str,
    cap: tuple[str, ...],
    max_tokens: int | None,
    expires: int | None,
    principal: str | None,
    as_json: bool,
) -> None:
    """Make a token; its secret is printed this once."""
    budget = {} if max_tokens is None else {"tokens": float(max_tokens)}
    made = session(
        lambda os: os.system.token_create(name, list(cap) or None, budget, expires, principal),
        start=True,
    )
    if as_json:
        show_json(made)
    else:
        click.echo(made.secret)


@token.command()
@as_json
def ls(as_json: bool) -> None:
    """List tokens, without their secrets."""
    found = session(lambda os: os.system.token_ls())
    if as_json:
        show_json(found)
        return
    rows = []
    for one in found:
        until = "never" if one.expires is None else date(one.expires)
        rows.append(
            (
                one.id,
                one.name,
                one.principal,
                "revoked" if one.revoked else until,
                " ".join(one.capabilities),
            )
        )
    table(("ID", "NAME", "PRINCIPAL", "EXPIRES", "CAPABILITIES"), rows)


@token.command()
@as_json
@click.argument("id")
@click.argument("capabilities", nargs=-1)
def revoke(id: str, capabilities: tuple[str, ...], as_json: bool) -> None:
    """End a token at once, or take only these rights from it."""
    session(lambda os: os.system.token_revoke(id, list(capabilities) or None))
    if as_json:
        show_json({"id": id})
    else:
        click.echo(id)
