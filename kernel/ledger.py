"""What calls cost: reserved before, committed after.

Interface:
    Ledger          `reserve` and `commit`, stages of the trap
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..syscalls.codec import unpack
from .budget import Budget
from .call import Call

#: Tokens of a reply that names no `max_tokens`, as `model.chat` has it.
REPLY_TOKENS = 512
#: Bytes of a request's body for one token, at least: a cautious guess for any tokenizer.
BYTES_PER_TOKEN = 3


class Ledger:
    """Charges the process that a call runs for, and so all its ancestors."""

    def reserve(self, call: Call) -> None:
        """Set aside what a call for a device may cost. Raises `QuotaExceeded`.

        Only what somebody limits is reserved, so that other calls' bodies stay opaque.
        """
        if call.syscall.traits.device is None:
            return
        budget = call.process.budget
        amounts: dict[str, float] = {}
        if budget.limited("tokens"):
            amounts["tokens"] = _most_tokens(call.body)
        for resource in ("money", "device_seconds"):
            if budget.limited(resource):
                # Nobody can say before what it will be; nothing left is refused.
                amounts[resource] = 0 if budget.remaining(resource) > 0 else 1e-9
        if amounts:
            call.reservation = budget.reserve(amounts)

    def commit(self, call: Call, usage: Mapping[str, Any] | None) -> None:
        """Give back what was set aside and charge what the provider reports."""
        budget: Budget = call.process.budget
        actual = {
            resource: float(amount)
            for resource, amount in (usage or {}).items()
            if isinstance(amount, (int, float))
        }
        if call.reservation is not None:
            budget.commit(call.reservation, actual)
        elif actual:
            budget.spend(actual)


def _most_tokens(body: bytes) -> float:
    arguments = unpack(body)
    asked = arguments.get("max_tokens") if isinstance(arguments, dict) else None
    reply = asked if isinstance(asked, int) and asked > 0 else REPLY_TOKENS
    return len(body) // BYTES_PER_TOKEN + reply
