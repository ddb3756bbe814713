"""Commands about rights: policy, revoke, audit, secret."""

from __future__ import annotations

import sys
import time

import click

from ....syscalls.errors import InvalidArgument
from ....syscalls.os import OS
from ....syscalls.rights import Audited, PolicyInfo
from ..daemon import check_policy
from ..group import Group
from ..moment import SPAN, date
from ..output import amounts, as_json, show_json, table
from ..session import resolve, session


@click.group(cls=Group)
def policy() -> None:
    """Show, check and reload the policy: who may do what."""


@policy.command()
@as_json
def show(as_json: bool) -> None:
    """Show the policy in force."""
    _show(session(lambda os: os.rights.policy()), as_json)


@policy.command(name="reload")
@as_json
def reload_(as_json: bool) -> None:
    """Read the policy's files again; it holds from every process's next call on."""
    _show(session(lambda os: os.rights.reload()), as_json)


@policy.command()
@as_json
@click.argument("files", nargs=-1, type=click.Path())
def check(files: tuple[str, ...], as_json: bool) -> int:
    """Check files of a policy, those in the usual places by default; needs no daemon."""
    code = check_policy(*files, quiet=as_json)
    if as_json:
        show_json({"ok": code == 0})
    return code


@click.command()
@as_json
@click.argument("pid")
@click.argument("capabilities", nargs=-1, required=True)
def revoke(pid: str, capabilities: tuple[str, ...], as_json: bool) -> None:
    """Take rights from a process and all below it, from their next call on."""

    async def work(os: OS) -> list[int]:
        return await os.rights.revoke(await resolve(os, pid), list(capabilities))

    touched = session(work)
    if as_json:
        show_json(touched)
    else:
        click.echo(" ".join(map(str, touched)))


@click.command()
@click.option("--pid", help="Of this process, or by it on another one's behalf.")
@click.option("--principal", help="Of this principal.")
@click.option("--capability", metavar="CAPABILITY", help="Only calls that it names.")
@click.option("--denied", is_flag=True, help="Only calls that were refused.")
@click.option("--since", type=SPAN, metavar="TIME", help="Only the last 30m, 12h or 7d.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@as_json
def audit(
    pid: str | None,
    principal: str | None,
    capability: str | None,
    denied: bool,
    since: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show who asked for what, and what allowed or refused it."""
    start = None if since is None else time.time() - since

    async def work(os: OS) -> None:
        who = None if pid is None else await resolve(os, pid)
        async for one in os.rights.audit(who, principal, capability, denied, start, follow):
            if as_json:
                show_json(one, indent=None)
            else:
                click.echo(line(one))

    session(work)


def line(one: Audited) -> str:
    """Return a call as a person reads it; the kernel has taken out what could steer a terminal."""
    by = "" if one.by is None else f", by process {one.by}"
    what = one.syscall if one.subject is None else f"{one.syscall}:{one.subject}"
    said = "ok" if one.outcome == "ok" else click.style(one.outcome, fg="red")
    why = [f"by {one.grant}" if one.grant else None, one.reason]
    why += [f"answered by {one.approver}" if one.approver else None]
    text = "; ".join(filter(None, why))
    head = f"{date(one.time)} {one.principal or '-'} {one.name or '-'} (process {one.pid}{by})"
    return f"{head} {click.style(what, fg='cyan')} → {said}" + (f"  {text}" if text else "")


@click.group(cls=Group)
def secret() -> None:
    """Keep secrets for drivers: `secret:NAME` in their settings stands for one."""


@secret.command(name="set")
@as_json
@click.argument("name")
def set_(name: str, as_json: bool) -> None:
    """Keep a secret, which is asked for, or read from a pipe."""
    if sys.stdin.isatty():
        value = click.prompt(f"{name}", hide_input=True, err=True)
    else:
        try:
            value = sys.stdin.buffer.read(64 * 1024).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidArgument("the secret is no text") from None
    if not value:
        raise InvalidArgument("the secret is empty")
    using = session(lambda os: os.rights.secret_set(name, value), start=True)
    if as_json:
        show_json({"name": name, "restarted": using})
    else:
        click.echo(name)
        if using:
            click.echo(f"starts again with it: {', '.join(using)}", err=True)


@secret.command()
@as_json
def ls(as_json: bool) -> None:
    """List secrets, without their values."""
    found = session(lambda os: os.rights.secret_ls())
    if as_json:
        show_json(found)
        return
    table(
        ("NAME", "SET"),
        ((one.name, date(one.set)) for one in found),
    )


@secret.command()
@as_json
@click.argument("name")
def rm(name: str, as_json: bool) -> None:
    """Forget a secret."""
    session(lambda os: os.rights.secret_rm(name))
    if as_json:
        show_json({"name": name})
    else:
        click.echo(name)


def _show(found: PolicyInfo, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    if not found.files:
        click.echo("no policy: the owner holds everything", err=True)
        return
    table(("FILE",), ((one,) for one in found.files))
    click.echo()
    table(
        ("ROLE", "CAPABILITIES", "BUDGET"),
        (
            (name, " ".join(role["capabilities"]), amounts(role["budget"]))
            for name, role in found.roles.items()
        ),
    )
    click.echo()
    table(
        ("PRINCIPAL", "ROLES", "SOCKET", "SPENT"),
        (
            (
                name,
                " ".join(one["roles"]) or "-",
                "yes" if one["socket"] else "no",
                amounts(one["spent"]),
            )
            for name, one in found.principals.items()
        ),
    )
    if found.agents:
        click.echo()
        table(("EVERY AGENT",), ((one,) for one in found.agents))
