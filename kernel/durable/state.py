"""What the kernel keeps of a durable process beside its control block.

Interface:
    Durable         how it is started again, and how far it has come
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...syscalls.codec import pack, unpack
from ..journal.record import Record
from ..restarts import Restarts

if TYPE_CHECKING:
    from ..process import ControlBlock
    from ..spawn import Spawn
    from .replay import Replay

#: What an order says of effects in doubt so that a person is asked.
ASK = "ask"

#: Calls that name a model.
_OF_MODELS = frozenset({"model.chat", "model.stream"})


class Durable:
    """Hangs on the control block of a durable process."""

    def __init__(self, spawn: Spawn, seed: str, model: str | None = None, since: int = 0) -> None:
        """`model`: what its calls after the `since`-th are made of, whatever they ask for."""
        self.spawn = spawn
        self.model = model
        self.since = since
        #: What its random numbers begin with.
        self.seed = seed
        #: The way along its record; None once it has caught up.
        self.replay: Replay | None = None
        #: Calls that the present incarnation has made.
        self.asked = 0
        #: Calls that any incarnation is known to have made.
        self.reached = 0
        #: Whether somebody has suspended it: its next life is suspended as well.
        self.suspended = False
        #: Things that it is told once they are on the disk.
        self.held = 0
        #: What it has used, and those below it that do not remember it themselves.
        self.used: dict[str, float] = {}
        #: When it was started again, in the loop's seconds.
        self.restarts = Restarts()

    @property
    def asks(self) -> bool:
        """Whether a person is asked what becomes of an effect in doubt."""
        return self.spawn.order.in_doubt == ASK

    def altered(self, header: list[Any], body: bytes) -> bytes:
        """Return a request's body as it is to be taken."""
        if self.model is None or header[2] <= self.since or header[3] not in _OF_MODELS:
            return body
        arguments = unpack(body)
        return pack({**arguments, "model": self.model}) if isinstance(arguments, dict) else body

    def learn(self, record: Record) -> None:
        """A call of an earlier incarnation has ended."""
        if self.replay is not None:
            self.replay.learn(record)

    def use(self, used: Mapping[str, float]) -> None:
        """Remember what was used, as its story does."""
        for resource, amount in used.items():
            self.used[resource] = self.used.get(resource, 0.0) + amount

    def started(self, process: ControlBlock) -> dict[str, Any]:
        """Return what else the record of its start has to hold."""
        spawn, budget = self.spawn, process.budget
        return {
            "started": process.started,
            "entry": spawn.entry,
            "home": str(spawn.home),
            "readable": [str(one) for one in spawn.readable],
            "environment": dict(spawn.order.environment),
            "in_doubt": spawn.order.in_doubt,
            "remove": process.remove,
            "seed": self.seed,
            "model": self.model,
            "since": self.since,
            # What those above it allowed: they may be gone when it comes back.
            "bounds": {
                name: budget.remaining(name)
                for name in ("tokens", "money", "device_seconds", "processes")
                if budget.limited(name)
            },
        }
