"""Commands about devices and services."""

from __future__ import annotations

import click

from ....syscalls.os import OS
from ....syscalls.system import ServiceInfo
from ..group import Group
from ..output import as_json, show_json, table
from ..session import session


@click.group(cls=Group)
def device() -> None:
    """Show devices, or change how one is scheduled."""


@device.command()
@as_json
def ls(as_json: bool) -> None:
    """List the devices and their run queues."""
    found = session(lambda os: os.device.ls())
    if as_json:
        show_json(found)
    else:
        table(
            ("DEVICE", "DRIVER", "SLOTS", "RUNNING", "WAITING", "POLICY", "PREEMPTIONS", "CAN"),
            (
                (
                    o.kind,
                    o.driver,
                    o.slots,
                    o.running,
                    o.waiting,
                    o.policy,
                    o.preemptions,
                    " ".join(o.flags),
                )
                for o in found
            ),
        )


@device.command()
@as_json
def pages(as_json: bool) -> None:
    """Show who holds which part of the inference device's memory."""
    found = session(lambda os: os.model.pages())
    if as_json:
        show_json(found)
        return
    table(
        ("PID", "PRINCIPAL", "STATE", "CONTEXTS", "PAGES", "SHARED", "SWAPPED"),
        (
            (o.pid or "-", o.principal, o.state, o.contexts, o.pages, o.shared, o.swapped)
            for o in found.holders
        ),
    )
    click.echo(
        f"{found.total - found.free} of {found.total} pages in use, {found.cached} of them cached; "
        f"{found.swapped} in host memory; a page is {found.page_tokens} tokens, "
        f"{found.page_bytes / 1024:.0f} KiB",
        err=True,
    )


@device.command()
@as_json
@click.argument("kind")
@click.argument("policy")
def schedule(kind: str, policy: str, as_json: bool) -> None:
    """Let POLICY rank the calls for a device: fifo, priority, fair, program, or a plugin's."""
    session(lambda os: os.device.schedule(kind, policy))
    if as_json:
        show_json({"kind": kind, "policy": policy})
    else:
        click.echo(f"{kind} is scheduled by {policy}")


@click.command()
@as_json
def service(as_json: bool) -> None:
    """List drivers and services."""

    async def work(os: OS) -> list[ServiceInfo]:
        return (await os.system.status()).services

    found = session(work)
    if as_json:
        show_json(found)
    else:
        table(
            ("NAME", "KIND", "STATE", "PID", "RESTARTS", "SOURCE", "REASON"),
            ((o.name, o.kind, o.state, o.pid, o.restarts, o.source, o.reason) for o in found),
        )
