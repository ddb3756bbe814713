"""What a call is charged for: what its engine's meter shows.

The kernel ranks calls anew by what they have used, so a call pays while it runs, also for a long
text that is read before anything is written.

Interface:
    Charging        a `with` block around the work that a meter counts
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from ...syscalls.model import Usage
from ...syscalls.server import INTERVAL, charge
from .contract import Meter


class Charging:
    """Charges the call being served for what a meter shows: now and then, and in the end, also
    where the work breaks off."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._usage, self._preemptions = Usage(input_tokens=0, output_tokens=0), 0

    def __enter__(self) -> Charging:
        self._loop = asyncio.get_running_loop()
        self._arm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self.settle()

    def settle(self) -> None:
        """Charge what has come since the last time."""
        before, now, preemptions = self._usage, self._meter.usage, self._meter.preemptions
        charge(
            tokens=now.input_tokens
            + now.output_tokens
            - before.input_tokens
            - before.output_tokens,
            device_seconds=now.device_seconds - before.device_seconds,
            money=now.money - before.money,
            preemptions=preemptions - self._preemptions,
        )
        self._usage, self._preemptions = now, preemptions

    def _arm(self) -> None:
        # It runs in a copy of this context, and so for the same call.
        self._timer = self._loop.call_later(INTERVAL, self._tick)

    def _tick(self) -> None:
        self.settle()
        self._arm()


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens
