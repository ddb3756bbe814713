"""The run queue of one device: which calls wait, and which have been let in.

A device's service is counted in seconds of it where its driver reports them, else in thousands of
tokens, else in calls.

A call is in one of three places until it is finished or cancelled: it waits under the policy, it
is held aside while its process is suspended, or it runs in a slot.

Interface:
    RunQueue        `submit`, `admit`, `finish`, `cancel`; `hold` and `resume` a process
    service_of      what a call's usage counts as
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..syscalls.errors import TryAgain
from .policy.contract import Policy, Waiting
from .policy.fifo import Fifo

#: Calls that may wait.
CAPACITY = 10_000
#: Seconds after which a call that found the queue full may come again.
RETRY_AFTER = 1.0


class RunQueue:
    """Waiting calls under a policy, running calls under a number of slots."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        name: str = "fifo",
        slots: int = 0,
        capacity: int = CAPACITY,
    ) -> None:
        self._policy: Policy = Fifo() if policy is None else policy
        self._name = name
        self._slots = max(slots, 0)
        self._capacity = capacity
        self._running: dict[int, Waiting] = {}
        self._held: dict[int, dict[int, Waiting]] = {}  # by pid, then by key

    @property
    def waiting(self) -> int:
        """How many calls wait, held ones too."""
        return len(self._policy) + sum(map(len, self._held.values()))

    def counts(self) -> dict[str, Any]:
        """Return the queue as `device.ls` shows it."""
        return {
            "slots": self._slots,
            "running": len(self._running),
            "waiting": self.waiting,
            "policy": self._name,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the counts with the keys of the calls, those that wait in no certain order."""
        return {
            **self.counts(),
            "capacity": self._capacity,
            "running_keys": list(self._running),
            "waiting_keys": [item.key for item in self._policy.items()],
            "held_keys": {pid: list(held) for pid, held in self._held.items() if held},
        }

    def submit(self, item: Waiting, now: float | None = None) -> None:
        """Let a call wait. Raises `TryAgain` while the queue is full."""
        if self.waiting >= self._capacity:
            raise TryAgain(f"{self._capacity} calls wait for the device", retry_after=RETRY_AFTER)
        if item.pid in self._held:
            self._held[item.pid][item.key] = item
        else:
            self._policy.add(item, item.arrived if now is None else now)

    def admit(self, now: float) -> list[int]:
        """Let in as many calls as there are free slots; return their keys in order."""
        admitted = []
        while len(self._running) < self._slots and (item := self._policy.pop(now)) is not None:
            self._running[item.key] = item
            admitted.append(item.key)
        return admitted

    def finish(self, key: int, usage: Mapping[str, Any], now: float) -> None:
        """A call has ended; what it used is charged. One that did not run is taken out."""
        item = self._running.pop(key, None)
        if item is None:
            self.cancel(key)
        else:
            self._policy.charge(item, service_of(usage), now)

    def cancel(self, key: int) -> None:
        """Take out a call that has used nothing, wherever it stands; a slot it had is free."""
        if (item := self._running.pop(key, None)) is not None:
            self._policy.charge(item, 0.0, item.arrived)
        elif self._policy.remove(key) is None:
            for held in self._held.values():
                held.pop(key, None)

    def hold(self, pid: int) -> None:
        """Put a suspended process's waiting calls aside; those that run are left alone."""
        mine = [item for item in self._policy.items() if item.pid == pid]
        for item in mine:
            self._policy.remove(item.key)
        self._held.setdefault(pid, {}).update({item.key: item for item in mine})

    def resume(self, pid: int) -> None:
        """Let a process's calls take part again, as old as they are."""
        for item in self._held.pop(pid, {}).values():
            self._policy.add(item, item.arrived)

    def renice(self, pid: int, nice: int) -> None:
        """Rank a process's waiting calls anew."""
        for item in [item for item in self._policy.items() if item.pid == pid]:
            self._policy.add(replace(item, nice=nice), item.arrived)
        held = self._held.get(pid, {})
        held.update({key: replace(item, nice=nice) for key, item in held.items()})

    def set_slots(self, slots: int) -> None:
        """Say how many calls run at once; with 0 all wait. Those that run go on."""
        self._slots = max(slots, 0)

    def set_policy(self, name: str, make: Callable[[], Policy]) -> None:
        """Let another policy rank what waits; what it has charged before is forgotten."""
        policy = make()
        for item in sorted(self._policy.items(), key=lambda item: (item.arrived, item.key)):
            policy.add(item, item.arrived)
        self._policy, self._name = policy, name


def service_of(usage: Mapping[str, Any]) -> float:
    """Return a call's service, finite and above 0, from what its driver reports."""
    for resource, unit in (("device_seconds", 1.0), ("tokens", 1000.0)):
        amount = usage.get(resource)
        if isinstance(amount, (int, float)) and 0 < amount < math.inf:
            return amount / unit
    return 1.0
