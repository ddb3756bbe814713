"""Running an agent again along its record, without a daemon, a device or a token.

The program runs in its sandbox, in an empty folder, and is told what the journal says. Nothing that
it asks for is done.

Interface:
    python -m llmagentos.kernel.durable.offline --state STATE PID
    replay          the same; returns an Outcome
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...syscalls.errors import InvalidArgument, LLMAgentOSError
from ..budget import Limits
from ..bus import Bus
from ..capability import CapabilitySet
from ..config import Config
from ..launcher.contract import Launch, Sandbox
from ..launcher.zygote import ZygoteLauncher
from ..paths import Paths
from ..plugins import plugins
from ..process import ControlBlock, Kind, ProcessTable
from ..spawn import Order, Rules, Spawn
from ..trap import Trap
from .branch import Branch, branch
from .replay import PATIENCE, Live, Replay
from .state import Durable
from .story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it."""

    pid: int
    #: Calls that were answered from the record.
    calls: int
    #: Its exit code now, and the first time; None where it has not ended.
    code: int | None
    first_code: int | None
    #: Where it has left its record; None where it has not.
    diverged: str | None
    #: Whether its journal is damaged where records of it might have stood.
    damaged: bool
    #: Whether it went on past the record's end, and was stopped there.
    beyond: str | None
    #: Whether it wrote what its log says; None where there is no log.
    identical: bool | None
    #: What it wrote.
    output: str


class _Offline(Trap):
    """Makes no call: there is nobody to answer it."""

    def __init__(self) -> None:
        super().__init__()
        self.beyond: str | None = None
        self.ended = asyncio.Event()

    def enter(self, origin: ControlBlock, header: list[Any], body: bytes, *_: Any) -> None:
        """Note the first call that the record knows nothing of."""
        if self.beyond is None:
            self.beyond = f"call {header[2]}, {header[3]}, has no answer in its record"
        self.ended.set()


async def replay(paths: Paths, config: Config, pid: int) -> Outcome:
    """Run a process again along its record. Raises as `branch` does."""
    found = await asyncio.to_thread(branch, paths.journal, pid)
    with tempfile.TemporaryDirectory(prefix="aos-replay-") as folder:
        return await _replay(paths, config, pid, found, Path(folder))


async def _replay(paths: Paths, config: Config, pid: int, found: Branch, folder: Path) -> Outcome:
    order = found.order
    trap, table = _Offline(), ProcessTable()
    process = table.create(
        pid=pid, principal=order["principal"], program=order["program"], kind=Kind.AGENT
    )
    spawn = _spawn(paths, config, order)
    process.durable = durable = Durable(
        spawn, order.get("seed", ""), order.get("model"), order.get("since", 0)
    )
    diverged: list[str] = []
    code: list[int] = []

    def leave(why: str) -> None:
        diverged.append(why)
        trap.ended.set()

    def send(header: tuple[Any, ...], body: bytes) -> None:
        if process.connection is not None:
            process.connection.send(header, body)

    def done() -> None:
        durable.replay = None

    def beyond(header: list[Any], body: bytes, since: float = 0.0) -> None:
        trap.enter(process, header, body)

    def on_exit(_: int, ended: int, number: int) -> None:
        if not trap.ended.is_set():
            code.append(128 + number if number else ended)
        trap.ended.set()

    live = Live(
        send=send, make=beyond, doubt=beyond, suspect=beyond, cut=beyond,
        adopt=lambda header, body: False, diverged=leave, done=done,
    )  # fmt: skip
    story = Story(pid)
    for record in found.records:
        story.add(dataclasses.replace(record, pid=pid, notes={}))
    durable.replay = way = Replay(live)
    way.load(story)
    log, home = folder / "log", folder / "home"
    home.mkdir()
    log.touch()
    sandbox = Sandbox(**config.agents.sandbox.agent.model_dump())
    dice = paths.dice.read_text() if paths.dice.exists() else None
    launcher = ZygoteLauncher(sandbox, dice=dice, writable=(str(folder),))
    launcher.on_exit = on_exit
    async with Bus(trap) as bus:
        try:
            await launcher.start()
            sock = await bus.connect(process)
            with sock:
                launched = await launcher.launch(
                    Launch(
                        pid=pid,
                        entry=spawn.entry,
                        arguments={
                            "program": order["program"],
                            "task": order["task"],
                            "arguments": list(order["arguments"]),
                            "seed": durable.seed,
                        },
                        home=home,
                        log=log,
                        readable=spawn.readable,
                        environment=order.get("environment", {}),
                        inherits=False,
                        sandbox=sandbox,
                    ),
                    sock,
                )
            await _wait(trap, way, diverged)
            launcher.signal(launched.os_pid, signal.SIGKILL)
        finally:
            await launcher.close()
    if code and not diverged and (rest := way.rest()) is not None:
        diverged.append(rest)
    written, first = log.read_bytes(), paths.log(pid)
    said = first.read_bytes() if first.exists() else None
    broken = "; its journal is damaged" if found.damaged else ""
    # What it wrote after its record's end is not for this to write.
    same = None if said is None else (said == written if code else said.startswith(written))
    return Outcome(
        pid=pid,
        calls=way.told,
        code=code[0] if code else None,
        first_code=found.code,
        diverged=diverged[0] + broken if diverged else None,
        damaged=found.damaged,
        beyond=None if trap.beyond is None else trap.beyond + broken,
        identical=same,
        output=written.decode(errors="replace"),
    )


async def _wait(trap: _Offline, way: Replay, diverged: list[str]) -> None:
    """Wait for the end of the process or of its record."""
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                await trap.ended.wait()
                return
        except TimeoutError:
            if (missing := way.stalled(PATIENCE)) is not None:
                diverged.append(missing)
                return


def _spawn(paths: Paths, config: Config, order: dict[str, Any]) -> Spawn:
    """Return what the order comes to. Raises `InvalidArgument` for a command line."""
    if order["program"] == "-":
        raise InvalidArgument("a command line cannot be run again: its calls have no order")
    rules = Rules(
        paths=paths, config=config.agents, runtimes=plugins("runtimes"), interfaces=lambda: set()
    )
    owner = ProcessTable().create(
        principal=order["principal"],
        program="replay",
        capabilities=CapabilitySet.parse(["*"]),
        limits=Limits({}),
        kind=Kind.KERNEL,
    )
    return rules.apply(owner, Order(program=order["program"], name=order["name"], durable=True))


def main() -> int:
    """Replay as the command line says; print the outcome as JSON."""
    import uvloop

    from ..command_line import settings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("pid", type=int)
    options = parser.parse_args()
    try:
        found = settings(["--state", str(options.state)])
        outcome = uvloop.run(replay(found.paths, found.config, options.pid))
    except LLMAgentOSError as error:
        print(json.dumps({"error": error.code, "message": error.message}))
        return 1
    print(json.dumps(dataclasses.asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
