"""An agent that plans: its task is given to the planning service.

Interface:
    planned         the answer to a task, and its sources
    PlanFailed      raised where there is no answer
"""

from __future__ import annotations

import sys

from ...syscalls.os import OS
from .manifest import Manifest


class PlanFailed(Exception):
    """The plan came to no answer."""


async def planned(os: OS, manifest: Manifest, task: str) -> tuple[str, list[str]]:
    """Return the answer to a task and where it comes from. Raises `PlanFailed`, and the error of
    a model call. Which plan it was stands on stderr: `aos plan show` has all of it."""
    how = manifest.plan
    plan = await os.plan.solve(
        task,
        instructions=manifest.instructions,
        tools=manifest.tools,
        strategy=how.strategy,
        candidates=how.candidates,
        temperature=how.temperature,
        steps=min(manifest.limits.steps, 64),
        rounds=how.rounds,
        reply_tokens=min(max(manifest.limits.reply_tokens, 16), 4096),
        background=how.background,
    )
    rounds = len(plan.decisions)
    print(f"plan {plan.id}, {rounds} round{'s' * (rounds != 1)}", file=sys.stderr)
    if plan.answer is None:
        raise PlanFailed(f"plan {plan.id}: {plan.reason or 'no answer'}")
    return plan.answer, plan.sources
