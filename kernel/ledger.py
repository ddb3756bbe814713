"""What calls cost: reserved before, charged as they run, committed after.

Tokens have an upper bound. What else a call to a device costs is learned from those of its kind
before it, the same syscall of the same model: the dearest token so far, for each that it may take.
Where nothing bounds the cost, since none of its kind has ended yet or since they count no tokens,
one runs at a time under a limit, with all that is left set aside for it.

Interface:
    Ledger          `reserve`, `charge` and `commit`, stages of the trap
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..syscalls.codec import unpack
from ..syscalls.errors import ProtocolError
from .call import Call
from .capability import BY_NAME
from .process import ControlBlock

#: Tokens of a reply that names no `max_tokens`, as `model.chat` has it.
REPLY_TOKENS = 512
#: What the budget of a call is about; of processes and time it is not.
COSTS = ("tokens", "money", "device_seconds")
#: How much a call's cost counts beside the usual one of those before it.
_NEW = 0.2
#: Kinds of calls whose cost is remembered; the one that was learned first makes room.
_KINDS = 1000
#: A syscall, and the model that it names.
_Kind: TypeAlias = tuple[str, str | None]


@dataclass(slots=True)
class _Cost:
    """What calls of a kind have cost of one resource."""

    #: What one usually costs.
    usual: float
    #: What a token of the dearest of them has cost; infinite for one that counts none.
    dearest: float


class Ledger:
    """Charges the process that a call runs for, and so all its ancestors."""

    def __init__(self) -> None:
        self._known: dict[_Kind, dict[str, _Cost]] = {}

    def reserve(self, call: Call) -> None:
        """Set aside what a call may cost. Raises `QuotaExceeded`, and `Held` where it may be
        covered once others have ended.

        Only what somebody limits is reserved, so that other calls' bodies stay opaque.
        """
        process = call.process
        if process.metered is None:
            process.metered = _metered(process)
        if not process.metered:
            return
        if call.syscall.traits.device is None:
            self._reserve_usual(call)
            return
        size, kind = _read(call)
        known = self._known.get(kind, {})
        amounts: dict[str, float] = {}
        least: dict[str, float] = {}
        for resource in COSTS:
            if not process.budget.limited(resource):
                continue
            if resource == "tokens":
                amounts[resource] = size
                continue
            cost = known.get(resource)
            amounts[resource] = most = math.inf if cost is None else cost.dearest * size
            least[resource] = 0.0 if cost is None else min(cost.usual, most)
            if resource == "money" and most < math.inf:
                # Seconds are reported as they pass, and a call is ended once they are up; of money
                # many a provider tells at the end alone.
                least[resource] = most
        call.reservation = process.budget.reserve(amounts, least)

    def charge(self, call: Call, usage: Mapping[str, Any]) -> None:
        """Charge what a running call has used since the last time, and note it with the call.

        Raises `QuotaExceeded`, once that is done, for one that has cost more than was set aside
        for it and than was left.
        """
        amounts = _amounts(usage)
        for resource, amount in amounts.items():
            call.used[resource] = call.used.get(resource, 0.0) + amount
        call.process.budget.draw(call.reservation, _costs(amounts))

    def commit(self, call: Call, usage: Mapping[str, Any] | None, done: bool = True) -> None:
        """Give back what was set aside, and charge what the provider reports of the whole call
        less what the call was charged as it ran. `done`: it has ended well."""
        rest: dict[str, float] = {}
        if usage:
            for resource, amount in _amounts(usage).items():
                if (left := amount - call.used.get(resource, 0.0)) > 0:
                    rest[resource] = left
                    call.used[resource] = amount
            # The budget takes such a cost for what was set aside.
            rest |= {name: cost for name, cost in usage.items() if _endless(cost)}
        self._learn(call, done)
        if call.reservation is not None:
            call.process.budget.commit(call.reservation, _costs(rest))
        elif rest:
            call.process.budget.spend(_costs(rest))

    def _reserve_usual(self, call: Call) -> None:
        """Set aside what calls like this one, for no device, usually cost: mostly nothing.

        All that is left would be too much: what such a call asks of a device on its caller's
        behalf would wait for it.
        """
        known, budget = self._known.get((call.syscall.name, None)), call.process.budget
        if known is None:
            return
        amounts = {
            # Even a cheap one is refused once nothing is left at all.
            resource: cost.usual or (0.0 if budget.remaining(resource) > 0 else 1e-9)
            for resource, cost in known.items()
            if budget.limited(resource)
        }
        call.reservation = budget.reserve(amounts)

    def _learn(self, call: Call, done: bool) -> None:
        """Note what a call has cost. One that broke off says only that its like may cost more."""
        traits, used = call.syscall.traits, _costs(call.used)
        if done and call.syscall.name in BY_NAME:
            self._known.clear()  # The next call may reach another model, at another price.
        if traits.device is not None and not call.process.metered:
            return  # Its body stays opaque.
        if not used and (traits.device is None or not done):
            return
        kind = (call.syscall.name, None) if traits.device is None else _read(call)[1]
        known = self._known.get(kind)
        if known is None:
            if not done:
                return
            if len(self._known) >= _KINDS:
                del self._known[next(iter(self._known))]
            known = self._known[kind] = {}
        for resource in COSTS:
            amount = used.get(resource, 0.0)
            if not amount and (traits.device is None or not done):
                continue
            tokens = used.get("tokens")
            dear = 0.0 if not amount else amount / tokens if tokens else math.inf
            if (cost := known.get(resource)) is None:
                known[resource] = _Cost(amount, dear)
                continue
            if done:
                cost.usual += _NEW * (amount - cost.usual)
            cost.dearest = max(cost.dearest, dear)


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


def _read(call: Call) -> tuple[float, _Kind]:
    """Return an upper bound of a call's tokens, and its kind.

    No tokenizer makes more than one token of a byte, and what a chat template adds is less than
    what the names of the fields took.
    """
    try:
        arguments = unpack(call.body)
    except ProtocolError:  # Whoever answers it will say so.
        arguments = None
    given = arguments if isinstance(arguments, dict) else {}
    asked, model = given.get("max_tokens"), given.get("model")
    reply = asked if isinstance(asked, int) and asked > 0 else REPLY_TOKENS
    kind = (call.syscall.name, model if isinstance(model, str) else None)
    return float(len(call.body) + reply), kind
