"""Moves a block: aos run examples/plugins/arm/pick.py --task "red 0.35"

The task is a block's name, and where it is to be: metres along the table, or another block's name
to be put on that. Without one, the red block is put on the blue one.
"""

from __future__ import annotations

from llmagentos import OS

#: Metres above the table at which nothing is in the way.
HIGH = 0.2
EDGE = 0.04


async def main(os: OS, task: str | None) -> int:
    name, _, goal = (task or "red blue").partition(" ")
    blocks = {one["name"]: one for one in (await act(os, "look"))["blocks"]}
    if name not in blocks:
        print(f"there is no {name} block; there is {', '.join(blocks)}")
        return 1
    there = {"x": blocks[goal]["x"], "z": blocks[goal]["z"]} if goal in blocks else {
        "x": float(goal), "z": -EDGE / 2
    }  # fmt: skip
    await carry(os, blocks[name]["x"], blocks[name]["z"], "grip")
    seen = await carry(os, there["x"], there["z"] + EDGE + 0.005, "release")
    for one in seen["blocks"]:
        print(f"{one['name']}: {one['x']:.2f} m along the table, {one['z']:.2f} m above it")
    return 0


async def carry(os: OS, x: float, z: float, do: str) -> dict:
    """Go above a place, down to it, act, and up again."""
    await act(os, "move", x=x, z=HIGH)
    await act(os, "move", x=x, z=z)
    await act(os, do)
    return await act(os, "move", x=x, z=HIGH)


async def act(os: OS, what: str, **arguments: float) -> dict:
    result = await os.tool.call(f"arm_{what}", arguments)
    if result.failed:
        raise SystemExit(result.text)
    return result.data
