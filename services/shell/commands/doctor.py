"""`aos doctor`: whether everything works here, and what to do where it does not."""

from __future__ import annotations

import os as machine
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import click

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.locations import state_folder
from ....syscalls.model import ModelInfo
from ....syscalls.os import OS
from ....syscalls.system import JournalInfo
from ..failure import NoDaemon
from ..output import as_json, counted, show_json, size, table
from ..session import session
from . import guarded
from .guarded import Finding

#: By the extra that brings it: what it is for, and its modules.
EXTRAS = {
    "learn": ("learning", ("accelerate", "gymnasium", "peft", "tensorboard")),
    "audio": ("more audio", ("soundfile",)),
}


@click.command()
@as_json
def doctor(as_json: bool) -> int:
    """Check that everything works, and say what to do."""
    found = [*_machine(), *_daemon()]
    if as_json:
        show_json([{"check": a, "result": b, "detail": c} for a, b, c in found])
    else:
        table(("CHECK", "RESULT", "DETAIL"), found)
    return int(any(result == "fail" for _, result, _ in found))


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield "python", "ok" if sys.version_info >= (3, 11) else "fail", version
    missing = [one for one in ("torch", "transformers", "apsw") if find_spec(one) is None]
    yield "packages", "fail" if missing else "ok", ", ".join(missing) or "all there"
    for extra, (what, modules) in EXTRAS.items():
        missing = [one for one in modules if find_spec(one) is None]
        advice = f"{', '.join(missing)}: pip install 'llmagentos[{extra}]'"
        yield what, "warn" if missing else "ok", advice if missing else "all there"
    state = state_folder(machine.environ)
    existing = next(one for one in (state, *state.parents) if one.exists())
    writable = existing.is_dir() and machine.access(existing, machine.W_OK)
    yield "state folder", "ok" if writable else "fail", str(state)
    free = shutil.disk_usage(existing).free / 2**30
    yield "disk", "ok" if free > 1 else "warn", f"{free:.1f} GiB free"
    yield from guarded.machine(state)


def _daemon() -> Iterator[Finding]:
    found: list[Finding] = []
    try:
        session(lambda os: _ask(os, found))
    except NoDaemon as error:
        found.append(("daemon", "warn", str(error)))
    except LLMAgentOSError as error:
        # What was found until then is told all the same: something is wrong when this is asked.
        found.append(("an agent", "fail", str(error)))
    yield from found


async def _ask(os: OS, found: list[Finding]) -> None:
    status = await os.system.status()
    found.append(("daemon", "ok", f"process {status.os_pid}"))
    for one in status.services:
        result = {"ready": "ok", "failed": "fail"}.get(one.state, "warn")
        why = f": {one.reason}" if one.reason else ""
        again = f", started again {counted(one.restarts, 'time')}" if one.restarts else ""
        found.append((f"{one.kind} {one.name}", result, f"{one.state}{again}{why}"))
    found.append(("journal", "ok" if status.journal == "healthy" else "fail", status.journal))
    found.extend(_journal(await os.system.journal()))
    if any(one.name == "inference" and one.state == "ready" for one in status.services):
        found.extend(_models(await os.model.ls()))
    else:
        found.append(("model", "warn", "none: the driver inference does not run"))
    found.extend(await guarded.daemon(os))
    pid = await os.process.spawn("llmagentos.services.shell.commands.doctor:probe", remove=True)
    found.extend(guarded.layers((await os.process.inspect(pid)).sandbox))


def _models(known: list[ModelInfo]) -> Iterator[Finding]:
    """Say which model answers, and why others that should cannot."""
    ready = [one.name for one in known if one.active]
    broken = [one for one in known if one.state.startswith("failed")]
    if ready or not broken:
        model = ready[0] if ready else "none yet; the first call waits for it"
        yield "model", "ok" if ready else "warn", model
    for one in broken:
        yield "model", "fail", f"{one.target} {one.state}"


def _journal(held: JournalInfo) -> Iterator[Finding]:
    """Say whether all that was written down can be read."""
    whole = f"{counted(held.records, 'record')} in {counted(held.files, 'file')}, {size(held.size)}"
    torn = f"; unfinished at its end: {counted(held.torn, 'file')}" if held.torn else ""
    yield "records", "ok", whole + torn
    if held.damaged:
        yield "damage", "fail", f"{counted(held.damaged, 'record')} cannot be read: {held.first}"
    if held.doubtful:
        doubtful = counted(held.doubtful, "effect")
        yield "in doubt", "warn", f"{doubtful} may or may not have happened"


def probe() -> None:
    """Do nothing, in a sandbox: its report is what counts."""
