"""A skater on slippery ice: its world is a process below it, its moves are a policy's or a model's.

aos learn rl examples/learn/frozenlake.toml                     # learn the policy
aos run examples/learn/skater.py --task 50                      # cross by the policy, 50 times
aos run examples/learn/skater.py --task 5 -- --model            # cross by the model's choice
"""

from __future__ import annotations

import json
import sys
from typing import Any

from llmagentos import OS
from llmagentos.services.learning.rl.visit import Seen, Visit

MOVES = ("left", "down", "right", "up")
TOOL = {
    "type": "function",
    "function": {
        "name": "move",
        "description": "Move on the ice: left, down, right or up. The ice is slippery.",
        "parameters": {
            "type": "object",
            "properties": {"direction": {"type": "string", "enum": list(MOVES)}},
            "required": ["direction"],
        },
    },
}


async def main(os: OS, task: str | None) -> int:
    """Cross so many times, and say how often it went well."""
    times, crossed = int(task or 20), 0
    choose = by_model if "--model" in sys.argv else by_policy
    async with Visit(os, "FrozenLake-v1", render_mode="ansi") as world:
        for number in range(times):
            seen = await world.reset(seed=number)
            while not seen.over:
                seen = await world.act(await choose(os, seen))
            crossed += seen.reward > 0
    print(f"crossed {crossed} of {times} times")
    return 0


async def by_policy(os: OS, seen: Seen) -> int:
    """Return what the policy holds for the best."""
    scores = await os.learning.advise("frozenlake", seen.observation)
    return int(max(scores, key=lambda name: scores[name]))


async def by_model(os: OS, seen: Seen) -> int:
    """Return what the model chooses when it sees the ice."""
    told: list[Any] = [
        {"role": "system", "content": "Reach G from S without falling into a hole H."},
        {"role": "user", "content": f"{seen.text}\nYou stand on field {seen.observation} of 16."},
    ]
    reply = await os.model.chat(told, tools=[TOOL], max_tokens=64, tool_choice="move")
    try:
        arguments = json.loads(reply.tool_calls[0]["function"]["arguments"])
        return MOVES.index(arguments["direction"])
    except (IndexError, KeyError, ValueError):
        return 0
