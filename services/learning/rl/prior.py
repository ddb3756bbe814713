"""How likely the language model itself takes each macro-action: where a policy may begin.

The chance of a tool is that of a reply which begins with a call of it; the chance of an answer is
what is left of 1. The calls are written as the embedded model's template has them.

Interface:
    prior           log-probabilities of tools and of the answer, in nats
    scaled          them as a network's inputs, from -1 to 0
    UNIT            nats that an input of 1 stands for
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ....syscalls.os import OS

#: What is less likely than e^-UNIT is as good as impossible.
UNIT = 10.0


async def prior(
    os: OS, messages: list[Any], tools: list[dict[str, Any]], names: Sequence[str]
) -> list[float]:
    """Return the log-probability of a call of each named tool, and last that of an answer."""
    context = (await os.model.open(messages=messages, tools=tools)).context
    try:
        # Without the quote behind the name: it may be one token with what follows.
        calls = [f'<tool_call>{{"name": "{name}' for name in names]
        found = await os.model.score(calls, context=context)
    finally:
        await os.model.close(context)
    logprobs = [min(one.logprob, 0.0) for one in found.scores]
    left = 1.0 - math.fsum(map(math.exp, logprobs))
    return [*logprobs, math.log(max(left, math.exp(-2 * UNIT)))]


def scaled(logprobs: Sequence[float]) -> list[float]:
    """Return log-probabilities as inputs."""
    return [max(one, -UNIT) / UNIT for one in logprobs]
