"""The durable agents that are tortured: always so many of them, each looked at when it has ended.

Interface:
    Crowd           `run` until told to stop; `judge` what they have left behind
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from llmagentos.syscalls.errors import LLMAgentOSError, NotFound
from llmagentos.syscalls.os import OS

from .callers import Ledger
from .program import expected
from .yard import Yard

PROGRAM = Path(__file__).with_name("program.py")
#: Seconds for which the last ones may take to end when nobody is killed any more.
PATIENCE = 240.0


@dataclass
class Findings:
    """What is wrong in the end, in words."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Crowd:
    """Starts agents and waits for their ends."""

    def __init__(self, yard: Yard, size: int, rounds: int) -> None:
        self._yard = yard
        self._size = size
        self._rounds = rounds
        self._stopping = False
        self._names = itertools.count(1)
        self.finished: list[str] = []
        self.findings = Findings()

    async def run(self) -> None:
        """Keep agents running until `stop`, and then until all have ended."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._size):
                tasks.create_task(self._one_after_another())

    def stop(self) -> None:
        """Start no more."""
        self._stopping = True

    async def _one_after_another(self) -> None:
        while not self._stopping:
            name = f"t-{next(self._names)}"
            pid = await self._spawn(name)
            if pid is None:
                continue
            await self._see_out(name, pid)

    async def _spawn(self, name: str) -> int | None:
        try:
            async with self._yard.session() as os:
                return await os.process.spawn(
                    str(PROGRAM), task=f"{name}:{self._rounds}", name=name, durable=True
                )
        except (LLMAgentOSError, OSError):
            await asyncio.sleep(0.2)  # whether it was started nobody knows: it is looked for
        return await self._found(name)

    async def _found(self, name: str) -> int | None:
        while True:
            try:
                async with self._yard.session() as os:
                    known = await os.process.ls(all=True)
                    return next((one.pid for one in known if one.name == name), None)
            except (LLMAgentOSError, OSError):
                await asyncio.sleep(0.2)

    async def _see_out(self, name: str, pid: int) -> None:
        while True:
            try:
                async with self._yard.session() as os:
                    ended = await os.process.wait(pid)
                    lines = [line.text async for line in os.process.logs(pid)]
                    break
            except NotFound:
                self.findings.lost.append(f"process {pid} of {name} is not known any more")
                return
            except (LLMAgentOSError, OSError):
                await asyncio.sleep(0.1)
        if ended.code or lines[-1:] != [expected(name, self._rounds)]:
            said = lines[-1] if lines else ""
            self.findings.wrong.append(f"{name} ({pid}): {ended.code} {ended.reason}: {said}")
        self.finished.append(name)

    async def judge(self, ledger: Ledger) -> Findings:
        """Look for what agents and callers were promised."""
        found = self.findings
        written = (self._yard.state / "driver" / "witness" / "lines").read_text().split("\n")
        times = Counter(line for line in written if line)
        found.repeated += [f"{line}: {count} times" for line, count in times.items() if count > 1]
        wrong = {one.partition(" ")[0] for one in found.wrong}
        keys = [
            f"{name}.{number}"
            for name in self.finished
            if name not in wrong
            for number in range(self._rounds)
        ]
        found.lost += [f"the effect {key}" for key in keys if not times[key]]
        async with self._yard.session() as os:
            for key in keys:
                if await _stored(os, key) != {"number": int(key.rpartition(".")[2])}:
                    found.lost.append(f"the number of {key}")
            for key, value in ledger.acknowledged.items():
                if await _stored(os, key) != value:
                    found.lost.append(f"{key} of a caller")
        found.hung += ledger.hung
        return found


async def _stored(os: OS, key: str) -> object:
    try:
        return (await os.memory.get(key)).value
    except NotFound:
        return None
