"""How soon a daemon takes syscalls, what it holds when idle, and what `aos --help` costs.

Time runs from before the daemon's process exists to its first answer. Memory is that of the daemon
with every process that it has started (proportional set sizes: what is shared counts once), without
the inference driver. `aos --help` is timed beside `python -c pass`, in turns.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.system import Status

from .daemon import daemon
from .report import asked, report

HELP = (sys.executable, "-c", "from llmagentos.services.shell.main import main; main()", "--help")
PASS = (sys.executable, "-c", "pass")


async def first_answer(path: Path) -> float:
    """Return when the first syscall was answered."""
    client = await connect(_socket(path))
    await OS(client).clock.now()
    client.close()
    return time.perf_counter()


async def when_ready(path: Path) -> Status:
    """Return how the daemon is once every driver and service is up."""
    client = await connect(_socket(path))
    os = OS(client)
    async for _ in os.system.events():
        if (status := await os.system.status()).ready:
            break
    client.close()
    return status


def _socket(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return sock


def timed(command: tuple[str, ...]) -> float:
    """Return the seconds that a command takes."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def measure(rounds: int) -> dict[str, float]:
    """Return the medians."""
    accepts, with_model, idle = [], [], []
    for _ in range(rounds):
        for seen, enabled in ((with_model, "true"), (accepts, "false")):
            begun = time.perf_counter()
            with (
                tempfile.TemporaryDirectory() as folder,
                daemon(Path(folder), LLMAGENTOS_DRIVERS__INFERENCE__ENABLED=enabled) as path,
            ):
                seen.append(uvloop.run(first_answer(path)) - begun)
                if enabled == "false":
                    memory = uvloop.run(when_ready(path)).memory
                    idle.append((memory["kernel"] + memory["processes"]) / 2**20)
    helps, passes = zip(*((timed(HELP), timed(PASS)) for _ in range(10 * rounds)), strict=True)
    return {
        "accept_seconds": statistics.median(with_model),
        "accept_seconds_without_model": statistics.median(accepts),
        "idle_mb": statistics.median(idle),
        "help_ratio": statistics.median(helps) / statistics.median(passes),
        "help_ms": statistics.median(helps) * 1e3,
    }


def main() -> None:
    """Run the benchmark."""
    options = asked("boot", __doc__, rounds=3).parse_args()
    figures = measure(options.rounds)
    report(figures, options)


if __name__ == "__main__":
    main()
