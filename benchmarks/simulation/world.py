"""Agents, a run queue of the kernel's, and a device, on one virtual clock.

Interface:
    run             plays a trace under a policy
    Outcome         what came of it
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llmagentos.kernel.policy.contract import Policy, Waiting
from llmagentos.kernel.runqueue import RunQueue

from .device import BatchDevice
from .trace import Agent, Call, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trace under one policy, in seconds."""

    #: From each agent's arrival to its end, in the order of the trace.
    completions: list[float]
    #: How long calls waited, at most and on average.
    longest_wait: float
    mean_wait: float
    #: Until the last agent was done, and in how much of that the device worked.
    span: float
    busy: float


@dataclass(slots=True)
class _Life:
    """Where an agent stands."""

    agent: Agent
    rest: Iterator[Turn]
    tool: float = 0.0
    #: Calls of its turn that have not ended.
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Made:
    """A call that was made."""

    life: _Life
    call: Call
    at: float


class _World:
    def __init__(self, trace: Sequence[Agent], policy: Policy, name: str) -> None:
        self.queue = RunQueue(policy, name=name, capacity=2**31)
        self.device = BatchDevice()
        self.done: dict[int, float] = {}
        self.longest = self.waited = 0.0
        self.keys = 0
        self.calls: dict[int, _Made] = {}
        #: A call that was let in and has no room yet.
        self.next: int | None = None
        # Who goes on when; agents that go on at one moment do so in the order of their pids.
        self.turns = [(one.arrived, one.pid, _Life(one, one.play())) for one in trace]
        heapq.heapify(self.turns)

    def play(self) -> None:
        """Let everything happen, in its order."""
        device = self.device
        while self.turns or self.calls:
            ending = device.next()
            if ending is not None and (not self.turns or ending <= self.turns[0][0]):
                device.advance(ending)
                self._end(*device.end())
            else:
                at, _, life = heapq.heappop(self.turns)
                device.advance(at)
                self._go_on(life)
            self._admit()

    def _go_on(self, life: _Life) -> None:
        now, agent, turn = self.device.now, life.agent, next(life.rest, None)
        if turn is None:
            self.done[agent.pid] = now - agent.arrived
            return
        life.left, life.tool = len(turn.calls), turn.tool
        for call in turn.calls:
            self.keys += 1
            self.calls[self.keys] = _Made(life, call, now)
            self.queue.submit(
                Waiting(key=self.keys, pid=agent.pid, principal=agent.principal, arrived=now)
            )

    def _admit(self) -> None:
        """Let calls in one by one: only the device's memory says how many there is room for."""
        while True:
            if self.next is None:
                self.queue.set_slots(len(self.device) + 1)
                self.next = next(iter(self.queue.admit(self.device.now)), None)
            if self.next is None or not self.device.fits(self.calls[self.next].call):
                return
            made = self.calls[self.next]
            self.device.start(self.next, made.call)
            self.next, wait = None, self.device.now - made.at
            self.longest, self.waited = max(self.longest, wait), self.waited + wait

    def _end(self, key: int, seconds: float) -> None:
        now, life = self.device.now, self.calls.pop(key).life
        self.queue.finish(key, {"device_seconds": seconds}, now)
        life.left -= 1
        if not life.left:
            heapq.heappush(self.turns, (now + life.tool, life.agent.pid, life))


def run(trace: Sequence[Agent], make: Callable[[], Policy], name: str) -> Outcome:
    """Play a trace under a policy until every agent is done."""
    world = _World(trace, make(), name)
    world.play()
    return Outcome(
        completions=[world.done[agent.pid] for agent in trace],
        longest_wait=world.longest,
        mean_wait=world.waited / world.keys,
        span=world.device.now,
        busy=world.device.busy / world.device.now,
    )
