"""What every policy answers: which of the waiting calls comes next.

A policy owns its waiting calls alone; nobody else mutates them. It never looks at a clock: `now`
is passed in, so that the same code runs in the daemon and in a simulation.

Interface:
    Waiting         a call that waits for a device
    Policy          the contract
    weight          the share that a nice value stands for
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A call that waits for a device."""

    #: The kernel's number of the call.
    key: int
    pid: int
    principal: str
    #: From -20 (first) to 19 (last).
    nice: int = 0
    #: The principal's share of the device, above 0.
    weight: float = 1.0
    #: Seconds of the queue's clock.
    arrived: float = 0.0


class Policy(Protocol):
    """Ranks waiting calls. All but `items` take amortised O(log n) for n waiting calls."""

    def add(self, item: Waiting, now: float) -> None:
        """Take a call in, or take another state of one that waits, which is ranked anew.

        A call that was taken out and comes back is as old as its `arrived` says.
        """

    def remove(self, key: int) -> Waiting | None:
        """Take a call out that is no longer wanted; None where it does not wait here."""

    def pop(self, now: float) -> Waiting | None:
        """Take out the call that comes next; None where none waits."""

    def charge(self, item: Waiting, service: float, now: float) -> None:
        """Note what a running call has used since the last time, in units of service (see
        `RunQueue`).

        It may have been popped from another policy. The service is finite and not below 0.
        """

    def end(self, item: Waiting, now: float) -> None:
        """A call that was popped has ended, or waits again: it has been charged all it has used."""

    def rank(self, item: Waiting, now: float) -> tuple[float, ...]:
        """Return where a call stands or would stand; the lowest comes first.

        Ranks of one policy at one moment can be compared, of waiting calls with one another, and
        of running ones with one another: a device that can preempt runs the lowest of those. They
        change seldom, since each change may cost a preemption.
        """

    def items(self) -> list[Waiting]:
        """Return the waiting calls, in any order."""

    def __len__(self) -> int:
        """Return how many calls wait."""


def weight(nice: int) -> float:
    """Return the share that a nice value stands for: a step is worth 25 %, as in Linux's CFS."""
    return float(1.25**-nice)
