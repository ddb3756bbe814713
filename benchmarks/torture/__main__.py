"""A thousand kill -9 over kernel, zygotes, drivers, services and agents under load.

    python -m benchmarks.torture [--kills N] [--agents N] [--seed S]

Durable agents work all the while, and callers outside; in the end every acknowledged write must be
there, every effect have happened once, every caller have had its answer, and every agent have come
to the answer that it comes to without being killed. The command ends with 1 where one has not.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress

from ..report import asked, report
from .callers import Ledger, over_http, over_socket
from .crowd import PATIENCE, Crowd, Findings
from .yard import AGENT, KERNEL, PROVIDER, ZYGOTE, Yard

#: Of a hundred kills, how many hit which kind, and the mean seconds between two.
WEIGHTS = {AGENT: 50, PROVIDER: 38, KERNEL: 6, ZYGOTE: 6}
PAUSE = 0.35
#: Of the kills that find a kernel without agents, on its way up, so many hit it.
EARLY = 0.2
#: Callers of each kind.
CALLERS = 3


async def torture(folder: Path, kills: int, agents: int, rounds: int, seed: int) -> Findings:
    """Kill, wait until all has settled, and judge."""
    source, ledger, killed = Random(seed), Ledger(), Counter[str]()
    async with Yard(folder) as yard:
        async with yard.session() as os:
            token = (await os.system.token_create("torture")).secret
        crowd = Crowd(yard, agents, rounds)
        working = asyncio.create_task(crowd.run())
        calling = [
            *(asyncio.create_task(over_socket(yard, ledger, f"s{n}")) for n in range(CALLERS)),
            *(asyncio.create_task(over_http(yard, ledger, f"h{n}", token)) for n in range(CALLERS)),
        ]
        with Progress(console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task("kills", total=kills)
            while killed.total() < kills:
                await asyncio.sleep(source.expovariate(1 / PAUSE))
                kind = source.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                found = yard.victims()
                if kind == KERNEL and not found[AGENT] and source.random() > EARLY:
                    continue
                if found[kind] and yard.kill(source.choice(found[kind])):
                    killed[kind] += 1
                    progress.update(bar, completed=killed.total())
        crowd.stop()
        try:
            async with asyncio.timeout(PATIENCE):
                await working
        except TimeoutError:
            crowd.findings.hung.append(f"agents, {PATIENCE:g} s after the last kill")
        ledger.closed = True
        await asyncio.gather(*calling)
        found = await crowd.judge(ledger)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(killed.items()))
    print(f"killed: {told}; the keeper was started {yard.starts} times")
    print(
        f"agents: {len(crowd.finished)} ended; callers: {ledger.calls} calls, of which "
        f"{ledger.failed} were refused, {len(ledger.acknowledged)} writes acknowledged"
    )
    return found


def main() -> int:
    """Run the torture."""
    parser = asked("torture", __doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--agents", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=40, help="of each agent")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            torture(Path(folder), options.kills, options.agents, options.rounds, options.seed)
        )
    for line in [*found.lost, *found.repeated, *found.hung, *found.wrong][:50]:
        print(line)
    told = {
        "kills": options.kills,
        "lost": len(found.lost),
        "repeated": len(found.repeated),
        "hung": len(found.hung),
        "wrong": len(found.wrong),
        "seconds": time.monotonic() - begun,
    }
    report(told, options)
    return int(any(told[name] for name in ("lost", "repeated", "hung", "wrong")))


if __name__ == "__main__":
    sys.exit(main())
