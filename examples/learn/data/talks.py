"""Makes the dialogues: a tool that the shipped model was never shown, and answers in two lengths.

    python examples/learn/data/talks.py

`timers-*.jsonl` are dialogues for SFT, `short-*.jsonl` pairs of answers for DPO. What a timer is
for and what is stored are other words in the held-out files than in those to learn from. All of it
is written here.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TIMER = {
    "type": "function",
    "function": {
        "name": "timer",
        "description": "Ring after so many minutes.",
        "parameters": {
            "type": "object",
            "properties": {"minutes": {"type": "string"}, "label": {"type": "string"}},
            "required": ["minutes", "label"],
        },
    },
}
ASKED = (
    "Wake me in {n} minutes for the {x}.",
    "Ring in {n} minutes: {x}.",
    "Set a timer of {n} minutes for the {x}, please.",
    "In {n} minutes remind me of the {x}.",
    "I need a bell for the {x} {n} minutes from now.",
    "Give me {n} minutes for the {x}, then ring.",
)
THINGS = {
    "train": """tea eggs bread laundry oven pasta rice kettle meeting call bus nap walk garden soup
        dog cat pizza cake bath lamp phone letter train school piano lesson shower dishes coffee
        stove potatoes roast yoga news match radio baby paint glue""".split(),
    "held-out": """noodles interview dentist pudding parcel ferry concert medicine sauna homework
        lasagne printer plants visitor""".split(),
}


def call(name: str, **arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": "call_0", "type": "function", "function": function}


def timer(chance: random.Random, things: list[str]) -> dict[str, Any]:
    """A dialogue of two turns of the assistant's."""
    thing, minutes = chance.choice(things), str(chance.randint(2, 120))
    asked = chance.choice(ASKED).format(n=minutes, x=thing)
    return {
        "tools": [TIMER],
        "messages": [
            {"role": "user", "content": asked},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [call("timer", minutes=minutes, label=thing)],
            },
            {"role": "tool", "tool_call_id": "call_0", "content": "set"},
            {"role": "assistant", "content": f"It rings in {minutes} minutes: {thing}."},
        ],
    }


def answers(chance: random.Random, things: list[str]) -> dict[str, Any]:
    """A request whose tool has answered, what the model says then, and less."""
    thing, number = chance.choice(things), str(chance.randint(10, 9999))
    other = str(chance.randint(10, 999))
    asked, made, result, long, short = chance.choice(
        [
            (
                f"Remember {number} as {thing}.",
                call("memory_put", key=thing, value=number),
                "stored",
                f"Stored {number} as {thing}.",
                "Stored.",
            ),
            (
                f"Forget {thing}.",
                call("memory_delete", key=thing),
                "deleted",
                f"Deleted {thing}.",
                "Deleted.",
            ),
            (
                f"Add {number} and {other}.",
                call("calculator", expression=f"{number} + {other}"),
                str(int(number) + int(other)),
                f"The answer is {int(number) + int(other)}.",
                f"{int(number) + int(other)}.",
            ),
        ]
    )
    names = ("memory_put", "memory_delete", "calculator")
    return {
        "tools": [{"type": "function", "function": {"name": name}} for name in names],
        "prompt": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": None, "tool_calls": [made]},
            {"role": "tool", "tool_call_id": "call_0", "content": result},
        ],
        "chosen": short,
        "rejected": long,
    }


def main() -> None:
    """Write the files, the same ones each time."""
    for name, make in (("timers", timer), ("short", answers)):
        for part, count in (("train", 300), ("held-out", 100)):
            chance = random.Random(f"{name} {part}")
            lines = [json.dumps(make(chance, THINGS[part])) for _ in range(count)]
            (HERE / f"{name}-{part}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
