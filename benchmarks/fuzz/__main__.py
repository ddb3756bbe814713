"""Ten million damaged frames and a hundred thousand damaged requests against a running daemon.

    python -m benchmarks.fuzz [--frames N] [--requests N] [--seed S]

A sound caller beside them must go on being answered; no process of the house may end, none may go
on growing once it is warm, and nobody may wait for ever. The command ends with 1 where one does.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress

from ..daemon import daemon
from ..report import asked, report
from .house import House, resident
from .senders import send_frames, send_requests

#: Senders at once, and the part of the work after which memory counts: until then caches fill.
SENDERS, WARM = 2, 0.3
#: Seconds between two looks at the house.
LOOK = 1.0
#: Growth in MB from there to the end, of any one process, and seconds of a sound call.
GROWTH, SLOWEST = 16.0, 5.0


def attack(
    name: str, house: House, goal: int, job: Callable[..., None], *given: Any, seed: int
) -> dict[str, float]:
    """Run senders to their end; return what they and the house have to tell."""
    context = multiprocessing.get_context("spawn")
    counts = [context.Array("Q", 3) for _ in range(SENDERS)]
    senders = [
        context.Process(target=job, args=(one, goal // SENDERS, *given, seed + number))
        for number, one in enumerate(counts)
    ]
    known, warm, slowest, begun = house.processes(), {}, 0.0, time.monotonic()
    for sender in senders:
        sender.start()
    with Progress(console=Console(file=sys.stderr)) as progress:
        bar = progress.add_task(name, total=goal)
        while any(sender.is_alive() for sender in senders):
            senders[0].join(LOOK)
            taken = sum(one[0] for one in counts)
            progress.update(bar, completed=taken)
            slowest = max(slowest, house.latency())
            if not warm and taken >= WARM * goal:
                warm = {pid: resident(pid) for pid in known}
    seconds = time.monotonic() - begun
    taken, failed, hung = (sum(one[place] for one in counts) for place in range(3))
    return {
        name: taken,
        f"{name}_per_second": taken / seconds,
        f"{name}_hung": hung,
        f"{name}_failed": failed,
        f"{name}_senders_ended": sum(sender.exitcode != 0 for sender in senders),
        f"{name}_ended": len(known.keys() - house.processes().keys()),
        f"{name}_growth_mb": max((resident(pid) - size for pid, size in warm.items()), default=0),
        f"{name}_slowest_call_s": slowest,
    }


def main() -> int:
    """Run the attacks."""
    parser = asked("fuzz", __doc__)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder)) as path:
        house = House(path)
        url = urlsplit(house.url())
        told = attack("frames", house, options.frames, send_frames, path, seed=options.seed)
        token = subprocess.run(
            [sys.executable, "-m", "llmagentos.services.shell.main", "token", "create", "fuzz"],
            env={"LLMAGENTOS_STATE": folder, "PATH": "/usr/bin:/bin"},
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        where = (url.hostname, url.port, token)
        told |= attack(
            "requests", house, options.requests, send_requests, *where, seed=options.seed
        )
    report(told, options)
    return int(any(_bad(name, value) for name, value in told.items()))


def _bad(name: str, value: float) -> bool:
    most = {"growth_mb": GROWTH, "slowest_call_s": SLOWEST, "hung": 0, "failed": 0, "ended": 0}
    return any(name.endswith(end) and value > bound for end, bound in most.items())


if __name__ == "__main__":
    sys.exit(main())
