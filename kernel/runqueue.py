"""The run queue of one device: which calls wait, and which have been let in.

A device's service is counted in seconds of it where its driver reports them, else in thousands of
tokens, else in calls.

A call is in one of three places until it is finished or cancelled: it waits under the policy, it
is held aside while its process is suspended, or it runs. One that runs takes a slot, unless its
process is suspended and the device can preempt it. When that process goes on, more calls may run
than there are slots; nobody else is let in until some have ended.

A call that would have to wait for too many others, or for too long, is refused at once and told
when to come again: what is let in is answered about as soon as without it.

Interface:
    RunQueue        `submit`, `admit`, `charge`, `finish`, `cancel`; `hold` and `resume` a process
    service_of      what a call's usage counts as
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..syscalls.errors import TryAgain
from .pace import Pace
from .policy.contract import Policy, Waiting
from .policy.fifo import Fifo

#: Calls that may wait.
CAPACITY = 10_000
#: Seconds after which a call that found the queue full may come again, where nobody knows better,
#: and the least and most that it is told.
RETRY_AFTER, SOONEST, LATEST = 1.0, 0.05, 60.0
#: Service of a call of which nothing is reported.
UNKNOWN = 1.0
Rank = tuple[float, ...]


class RunQueue:
    """Waiting calls under a policy, running calls under a number of slots."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        name: str = "fifo",
        slots: int = 0,
        capacity: int = CAPACITY,
        patience: float = math.inf,
    ) -> None:
        """`patience`: seconds that a call may be expected to wait."""
        self._policy: Policy = Fifo() if policy is None else policy
        self._name = name
        self._slots = max(slots, 0)
        self._capacity = capacity
        self._patience = patience
        self._pace = Pace()
        self._running: dict[int, Waiting] = {}
        self._stopped: set[int] = set()  # running ones that take no slot
        self._held: dict[int, dict[int, Waiting]] = {}  # by pid, then by key
        self._begun: dict[int, float] = {}  # when each running call was let in
        self._charged: dict[int, float] = {}  # service of running calls so far
        self._told: dict[int, Rank] = {}  # where each running call stands, as its driver knows it
        self._stale = False  # whether ranks may have changed since

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
            "stopped_keys": sorted(self._stopped),
            "waiting_keys": [item.key for item in self._policy.items()],
            "held_keys": {pid: list(held) for pid, held in self._held.items() if held},
        }

    def submit(self, item: Waiting, now: float | None = None) -> None:
        """Let a call wait. Raises `TryAgain` while the queue is full, or too slow."""
        waiting = self.waiting
        expected = self._pace.wait(waiting, len(self._running))
        if expected is None:
            # Nobody knows yet how long calls take: as many wait as run.
            late = self._patience < math.inf and 0 < self._slots <= waiting
        else:
            late = waiting > 0 and expected > self._patience
        if late or waiting >= self._capacity:
            after = RETRY_AFTER if expected is None else min(max(expected, SOONEST), LATEST)
            raise TryAgain(f"{waiting} calls wait for the device", retry_after=round(after, 2))
        self._wait(item, item.arrived if now is None else now)

    def _wait(self, item: Waiting, now: float) -> None:
        if item.pid in self._held:
            self._held[item.pid][item.key] = item
        else:
            self._policy.add(item, now)
            self._stale = True  # A principal that comes back may be lifted.

    def admit(self, now: float) -> list[int]:
        """Let in as many calls as there are free slots; return their keys in order."""
        admitted = []
        while len(self._running) - len(self._stopped) < self._slots:
            item = self._policy.pop(now)
            if item is None:
                break
            self._running[item.key] = item
            self._begun[item.key] = now
            admitted.append(item.key)
        return admitted

    def charge(self, key: int, usage: Mapping[str, Any], now: float) -> None:
        """Charge a running call for all that it has used so far, less what it was charged."""
        item = self._running.get(key)
        if item is None:
            return
        before = self._charged.get(key, 0.0)
        service = service_of(usage)
        if service > before:
            self._charged[key] = service
            self._policy.charge(item, service - before, now)
            self._stale = True

    def finish(self, key: int, usage: Mapping[str, Any], now: float) -> None:
        """A call has ended, having used so much. One that did not run is taken out."""
        if (begun := self._begun.get(key)) is not None:
            self._pace.note(max(now - begun, 0.0))
        self.charge(key, usage if service_of(usage) or key in self._charged else _ONE, now)
        self.cancel(key, now)

    def cancel(self, key: int, now: float) -> None:
        """Take out a call wherever it stands, uncharged but for what it was; its slot is free."""
        if self._leave(key, now) is None and self._policy.remove(key) is None:
            for held in self._held.values():
                held.pop(key, None)

    def requeue(self, key: int, now: float) -> None:
        """Let a call that ran wait again, as old as it is: its driver is gone."""
        if (item := self._leave(key, now)) is not None:
            self._wait(item, now)

    def _leave(self, key: int, now: float) -> Waiting | None:
        """Let a call run no more; None where it did not."""
        item = self._running.pop(key, None)
        if item is not None:
            self._stopped.discard(key)
            self._begun.pop(key, None)
            self._charged.pop(key, None)
            self._told.pop(key, None)
            self._policy.end(item, now)
            self._stale = True
        return item

    def rank(self, key: int, now: float) -> Rank | None:
        """Return where a running call stands, for its driver; None where it does not run."""
        item = self._running.get(key)
        if item is None:
            return None
        rank = self._told[key] = self._policy.rank(item, now)
        return rank

    def reranked(self, now: float) -> dict[int, Rank]:
        """Return the ranks of running calls that have changed since their driver was told."""
        if not self._stale:
            return {}
        self._stale = False
        ranks = {key: self._policy.rank(self._running[key], now) for key in self._told}
        changed = {key: rank for key, rank in ranks.items() if rank != self._told[key]}
        self._told.update(changed)
        return changed

    def hold(self, pid: int, preempt: bool = False) -> None:
        """Put a suspended process's waiting calls aside. Those that run are left alone, or with
        `preempt` give their slots to others."""
        mine = [item for item in self._policy.items() if item.pid == pid]
        for item in mine:
            self._policy.remove(item.key)
        self._held.setdefault(pid, {}).update({item.key: item for item in mine})
        if preempt:
            self._stopped |= {key for key, item in self._running.items() if item.pid == pid}

    def resume(self, pid: int) -> None:
        """Let a process's calls take part again, as old as they are."""
        for item in self._held.pop(pid, {}).values():
            self._wait(item, item.arrived)
        self._stopped -= {key for key in self._stopped if self._running[key].pid == pid}

    def renice(self, pid: int, nice: int) -> None:
        """Rank a process's calls anew."""
        for item in [item for item in self._policy.items() if item.pid == pid]:
            self._policy.add(replace(item, nice=nice), item.arrived)
        for calls in (self._held.get(pid, {}), self._running):
            for key, item in calls.items():
                if item.pid == pid:
                    calls[key] = replace(item, nice=nice)
        self._stale = True

    def set_slots(self, slots: int) -> None:
        """Say how many calls run at once; with 0 all wait. Those that run go on."""
        self._slots = max(slots, 0)

    def set_policy(self, name: str, make: Callable[[], Policy], now: float) -> None:
        """Let another policy rank all calls; what the last one has charged is forgotten."""
        policy = make()
        for item in self._running.values():
            policy.add(item, now)
        for _ in self._running:
            policy.pop(now)
        for item in sorted(self._policy.items(), key=lambda item: (item.arrived, item.key)):
            policy.add(item, item.arrived)
        self._policy, self._name = policy, name
        self._stale = True


#: What a call counts as of which nothing is known.
_ONE = {"device_seconds": UNKNOWN}


def service_of(usage: Mapping[str, Any]) -> float:
    """Return a call's service, finite and not below 0, from what its driver reports; 0 for
    nothing."""
    for resource, unit in (("device_seconds", 1.0), ("tokens", 1000.0)):
        amount = usage.get(resource)
        if isinstance(amount, (int, float)) and 0 < amount < math.inf:
            return amount / unit
    return 0.0
