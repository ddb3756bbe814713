"""The arm as tools for models: typed results, effects marked, a rate that a real arm could keep."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from typing_extensions import TypedDict

from llmagentos.drivers.tools.contract import Context, Failure, tool
from llmagentos.syscalls.errors import InvalidArgument


class Block(TypedDict):
    """A block's name and the place of its middle, in metres."""

    name: str
    x: float
    z: float


class Scene(TypedDict):
    """Where the gripper is, what it holds, and where the blocks are."""

    x: float
    z: float
    holding: str | None
    blocks: list[Block]


@tool()
async def arm_look(context: Context) -> Scene:
    """See where the robot arm's gripper and the blocks on the table are, in metres."""
    return await _scene(context.os.arm.look())


@tool(effect=True, rate=60)
async def arm_move(context: Context, x: float, z: float) -> Scene:
    """Move the robot arm's gripper to x metres along the table and z metres above it."""
    return await _scene(context.os.arm.move(x=x, z=z))


@tool(effect=True, rate=60)
async def arm_grip(context: Context) -> Scene:
    """Close the robot arm's gripper around the block that it is at."""
    return await _scene(context.os.arm.grip())


@tool(effect=True, rate=60)
async def arm_release(context: Context) -> Scene:
    """Open the robot arm's gripper; the block in it falls onto what is below."""
    return await _scene(context.os.arm.release())


async def _scene(seeing: Awaitable[Any]) -> Scene:
    try:
        seen = await seeing
    except InvalidArgument as error:
        raise Failure(error.message) from None
    return Scene(x=seen["x"], z=seen["z"], holding=seen["holding"], blocks=seen["blocks"])
