"""A driver plugin: one printer, and a queue of those who want to print."""

import asyncio
from pathlib import Path

from llmagentos import Host, Interface, syscall
from llmagentos.syscalls.server import caller, charge


class Printer(Interface, name="printer"):
    """A printer that prints into a file, a page at a time; a real one would own a port."""

    async def setup(self, host: Host) -> None:
        self._paper: Path = host.state / "paper.txt"
        self._seconds = float(host.config.get("seconds_per_page", 0.01))
        # One page at a time: the kernel lets the next call in once this one has been answered.
        await host.os.device.register("printer", slots=1)

    @syscall(device="printer", effect=True)
    async def print(self, text: str) -> int:
        """Print a text; return how many pages the printer has printed since it was new."""
        await asyncio.sleep(self._seconds)
        charge(device_seconds=self._seconds)
        with self._paper.open("a") as paper:
            paper.write(f"{caller().principal}: {text}\n")
        return await self.pages()

    @syscall(idempotent=True)
    async def pages(self) -> int:
        """Return how many pages were printed."""
        return len(self._paper.read_text().splitlines()) if self._paper.exists() else 0
