"""What calls cost: reserved before, charged as they run, committed after.

Interface:
    Ledger          `reserve`, `charge` and `commit`, stages of the trap
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..syscalls.codec import unpack
from .call import Call
from .process import ControlBlock

#: Tokens of a reply that names no `max_tokens`, as `model.chat` has it.
REPLY_TOKENS = 512
#: What the budget of a call is about; of processes and time it is not.
COSTS = ("tokens", "money", "device_seconds")
#: How much a call's cost counts beside the typical one of those before it.
_NEW = 0.2


class Ledger:
    """Charges the process that a call runs for, and so all its ancestors."""

    def __init__(self) -> None:
        # What calls of a syscall usually cost, by syscall and resource. A syscall that has never
        # cost anything is free.
        self._typical: dict[str, dict[str, float]] = {}

    def reserve(self, call: Call) -> None:
        """Set aside what a call may cost. Raises `QuotaExceeded`.

        Only what somebody limits is reserved, so that other calls' bodies stay opaque. Tokens have
        an upper bound; what else a call costs is taken to be what its like has cost before.
        """
        process, traits = call.process, call.syscall.traits
        if process.metered is None:
            process.metered = _metered(process)
        typical = self._typical.get(call.syscall.name)
        if not process.metered or (traits.device is None and typical is None):
            return
        amounts: dict[str, float] = {}
        for resource in COSTS:
            if process.budget.limited(resource):
                expected = (typical or {}).get(resource, 0.0)
                if resource == "tokens" and traits.device is not None:
                    expected = _most_tokens(call.body)
                # A cost that nobody knows yet is refused once nothing is left at all.
                amounts[resource] = expected or (
                    0.0 if process.budget.remaining(resource) > 0 else 1e-9
                )
        call.reservation = process.budget.reserve(amounts)

    def charge(self, call: Call, usage: Mapping[str, Any]) -> None:
        """Charge what a running call has used since the last time, and note it with the call.

        Raises `QuotaExceeded`, once that is done, for one that has cost more than was set aside
        for it and than was left.
        """
        amounts = _amounts(usage)
        for resource, amount in amounts.items():
            call.used[resource] = call.used.get(resource, 0.0) + amount
        call.process.budget.draw(call.reservation, _costs(amounts))

    def commit(self, call: Call, usage: Mapping[str, Any] | None) -> None:
        """Give back what was set aside, and charge what the provider reports of the whole call
        less what the call was charged as it ran."""
        rest: dict[str, float] = {}
        if usage:
            for resource, amount in _amounts(usage).items():
                if (left := amount - call.used.get(resource, 0.0)) > 0:
                    rest[resource] = left
                    call.used[resource] = amount
            # The budget takes such a cost for what was set aside.
            rest |= {name: cost for name, cost in usage.items() if _endless(cost)}
        if call.used:
            self._learn(call.syscall.name, _costs(call.used))
        if call.reservation is not None:
            call.process.budget.commit(call.reservation, _costs(rest))
        elif rest:
            call.process.budget.spend(_costs(rest))

    def _learn(self, name: str, actual: Mapping[str, float]) -> None:
        typical = self._typical.setdefault(name, {})
        for resource, amount in actual.items():
            before = typical.get(resource, amount)
            typical[resource] = before + _NEW * (amount - before)


def _metered(process: ControlBlock) -> bool:
    return any(process.budget.limited(resource) for resource in COSTS)


def _amounts(usage: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a provider's report is an amount."""
    return {
        resource: float(amount)
        for resource, amount in usage.items()
        if type(amount) in (int, float) and 0 < amount < math.inf
    }


def _endless(amount: Any) -> bool:
    return type(amount) is float and not math.isfinite(amount)


def _costs(amounts: Mapping[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in amounts.items() if name in COSTS}


def _most_tokens(body: bytes) -> float:
    """Return an upper bound: no tokenizer makes more than one token of a byte, and what a chat
    template adds is less than what the names of the fields took."""
    arguments = unpack(body)
    asked = arguments.get("max_tokens") if isinstance(arguments, dict) else None
    reply = asked if isinstance(asked, int) and asked > 0 else REPLY_TOKENS
    return len(body) + reply
