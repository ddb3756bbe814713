"""Policies of the store, asked by agents.

Interface:
    Advice          `scores` of a policy in a state
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from ...syscalls.errors import InvalidArgument
from ...syscalls.learning import ModelCard

#: Policies that are held in memory, the last ones that were asked.
HELD = 16


class Advice:
    """Owns the policies that it has loaded. Blocking, from any thread."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def scores(self, card: ModelCard, state: Any) -> dict[str, float]:
        """Return a score for each action. Raises `InvalidArgument` for a model that is no policy,
        and a state of another shape."""
        if card.kind != "policy":
            raise InvalidArgument(f"{card.name} is no policy but a {card.kind} model")
        policy = self._policy(card)
        return dict(zip(policy.actions, policy.scores(state), strict=True))

    def _policy(self, card: ModelCard) -> Any:
        with self._lock:
            if card.version in self._held:
                self._held.move_to_end(card.version)
                return self._held[card.version]
        # numpy is loaded with the first policy, not with the service.
        from .rl.policy import load

        policy = load(Path(card.target.removeprefix("hf:")))
        with self._lock:
            self._held[card.version] = policy
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return policy
