"""The service that owns the arm: one act at a time, and its state outlives the process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from llmagentos import Host, Interface, syscall
from llmagentos.syscalls.errors import InvalidArgument

from .table import Refused, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A block as the arm's camera sees it; metres."""

    name: str
    x: float
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The arm and what is on the table."""

    #: The gripper's place, metres along the table and above it.
    x: float
    z: float
    #: Radians.
    joints: list[float]
    #: The block in the gripper.
    holding: str | None
    blocks: list[Seen]


class Arm(Interface, name="arm"):
    """A planar arm of three joints over a table with blocks."""

    async def setup(self, host: Host) -> None:
        self._file = host.state / "table.json"
        self._table = Table()
        if self._file.exists():
            try:
                self._table = Table.from_plain(json.loads(self._file.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                print(f"{self._file}: {error}; a new table is laid", file=sys.stderr)

    @syscall(idempotent=True)
    async def look(self) -> Scene:
        """Return where the arm and the blocks are."""
        table = self._table
        x, z = table.tip
        blocks = [
            Seen(name=one.name, x=round(one.x, 4), z=round(one.z, 4))
            for one in sorted(table.blocks.values(), key=lambda one: one.name)
        ]
        return Scene(
            x=round(x, 4), z=round(z, 4), joints=list(table.joints), holding=table.holding,
            blocks=blocks,
        )  # fmt: skip

    @syscall(effect=True)
    async def move(self, x: float, z: float) -> Scene:
        """Bring the gripper to a place. Raises `InvalidArgument` for one that it cannot reach, or
        on the way to which it would hit the table or a block; then it has not moved."""
        return await self._act(lambda: self._table.move(x, z))

    @syscall(effect=True)
    async def grip(self) -> Scene:
        """Close the gripper. Raises `InvalidArgument` where there is nothing to be gripped."""
        return await self._act(self._table.grip)

    @syscall(effect=True)
    async def release(self) -> Scene:
        """Open the gripper. Raises `InvalidArgument` where it holds nothing."""
        return await self._act(self._table.release)

    async def _act(self, act: Callable[[], object]) -> Scene:
        try:
            act()
        except Refused as error:
            raise InvalidArgument(str(error)) from None
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._table.plain()))
        os.replace(fresh, self._file)
        return await self.look()
