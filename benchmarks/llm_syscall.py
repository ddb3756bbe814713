"""What the operating system adds to a call of a model that answers at once.

The same stub server is called directly by an aiohttp client, with the same streamed request, and
through a daemon by real agents in real processes. Rounds of both alternate.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .report import asked, report

#: A process that makes calls as it is told by letters: (count, seconds of delay).
AGENT = """
import time
async def main(os, task):
    while True:
        letter = await os.ipc.recv()
        count, delay = letter.body
        times = []
        for _ in range(count):
            start = time.perf_counter()
            await os.model.chat([{"role": "user", "content": delay}], max_tokens=16)
            times.append(time.perf_counter() - start)
        await os.ipc.send(letter.sender, times)
"""
BODY = {
    "model": "stub", "messages": [{"role": "user", "content": "0"}], "max_tokens": 16,
    "temperature": 0.0, "stream": True, "stream_options": {"include_usage": True},
}  # fmt: skip


async def direct(session: aiohttp.ClientSession, url: str, count: int) -> list[float]:
    """Call the stub without the operating system; return each call's seconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        async with session.post(f"{url}/chat/completions", json=BODY) as response:
            async for line in response.content:
                if line.startswith(b"data:") and b"[DONE]" not in line:
                    json.loads(line[5:])
        times.append(time.perf_counter() - start)
    return times


class Agents:
    """The agents, and the answers they send back."""

    def __init__(self, os: OS, pids: list[int]) -> None:
        self._os = os
        self._pids = pids

    async def ask(self, agents: int, count: int, delay: str = "0") -> list[float]:
        """Let the first `agents` make `count` calls each at once; return all their seconds."""
        for pid in self._pids[:agents]:
            await self._os.ipc.send(pid, [count, delay])
        return [one for _ in range(agents) for one in (await self._os.ipc.recv()).body]

    async def rate(self, agents: int, count: int) -> float:
        """Return calls per second of so many agents together."""
        start = time.perf_counter()
        await self.ask(agents, count)
        return agents * count / (time.perf_counter() - start)

    async def beside_slow(self, count: int, seconds: str) -> list[float]:
        """Return the seconds of fast calls while another agent's call takes long."""
        await self._os.ipc.send(self._pids[-1], [1, seconds])
        times = await self.ask(1, count)
        late = await self._os.ipc.recv()
        assert late.sender == self._pids[-1], "the slow call ended before the fast ones"
        return times


async def measure(path: Path, url: str, rounds: int, count: int) -> dict[str, float]:
    """Return the figures."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    await os.model.use(f"openai:{url}", "stub")
    program = path.parent / "caller.py"
    program.write_text(AGENT)
    pids = [await os.process.spawn(str(program)) for _ in range(33)]
    agents = Agents(os, pids)
    seen: dict[str, list[float]] = {"direct": [], "os": [], "beside": []}
    rates = []
    async with aiohttp.ClientSession() as session:
        works: list[tuple[str, Callable[[], Awaitable[list[float]]]]] = [
            ("direct", lambda: direct(session, url, count)),
            ("os", lambda: agents.ask(1, count)),
        ]
        for turn in range(rounds + 1):
            for name, work in works:
                times = await work()
                if turn > 0:  # The first round warms up.
                    seen[name] += times
            rates.append(await agents.rate(32, max(count // 8, 10)))
    alone = statistics.median(await agents.ask(1, count))
    seen["beside"] = await agents.beside_slow(count, "10")
    os.client.close()
    p50 = {name: statistics.median(times) * 1000 for name, times in seen.items()}
    return {
        "overhead_ms": p50["os"] - p50["direct"],
        "per_second_32": statistics.median(rates[1:]),
        "slow_neighbour_ratio": p50["beside"] / (alone * 1000),
        "direct_ms": p50["direct"],
        "os_ms": p50["os"],
    }


def main() -> None:
    """Run the benchmark."""
    parser = asked("llm_syscall", __doc__, rounds=5)
    parser.add_argument("--count", type=int, default=200, help="calls of one measurement")
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    with listening:
        stub = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub", str(listening.fileno())],
            pass_fds=(listening.fileno(),),
        )
    try:
        with tempfile.TemporaryDirectory() as folder, daemon(Path(folder)) as path:
            work: Any = measure(path, url, options.rounds, options.count)
            figures = uvloop.run(work)
    finally:
        stub.terminate()
        stub.wait()
    report(figures, options)


if __name__ == "__main__":
    main()
