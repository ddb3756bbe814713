"""The world of the arm: a table with blocks on it, and what the gripper holds.

Every act is checked to its end before it begins: one that is refused has changed nothing.

Interface:
    Block           a cube on the table or in the gripper
    Table           `move`, `grip`, `release`; `plain` and `from_plain` to keep it
    Refused         what the arm cannot do
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from .kinematics import HOME, Joints, OutOfReach, forward, inverse, path

#: Metres: a block's edge, the table's end on either side, and how near a grip has to be.
EDGE, END, NEAR = 0.04, 0.6, 0.01
#: What rounding may hide.
TINY = 1e-9


class Refused(ValueError):
    """The arm cannot do that."""


@dataclass(frozen=True, slots=True)
class Block:
    """A cube; x and z are its centre's, in metres."""

    name: str
    x: float
    z: float


class Table:
    """Some blocks, and an arm over them."""

    def __init__(self) -> None:
        self.joints: Joints = HOME
        self.holding: str | None = None
        self.blocks = {
            name: Block(name, x, EDGE / 2)
            for name, x in (("red", 0.20), ("green", 0.30), ("blue", 0.40))
        }

    @property
    def tip(self) -> tuple[float, float]:
        """Where the gripper is."""
        return forward(self.joints)[-1]

    def move(self, x: float, z: float) -> None:
        """Bring the gripper to a place. Raises `Refused` where it would hit something."""
        try:
            ways = inverse(x, z)
        except OutOfReach as error:
            raise Refused(str(error)) from None
        reasons = []
        for joints in ways:
            reason = next(filter(None, map(self._hit, path(self.joints, joints))), None)
            if reason is None:
                self.joints = joints
                self._carry()
                return
            reasons.append(reason)
        raise Refused(reasons[0])

    def grip(self) -> str:
        """Close the gripper around the block that it is at, and return its name."""
        if self.holding is not None:
            raise Refused(f"the gripper holds the {self.holding} block")
        x, z = self.tip
        for block in self.blocks.values():
            if abs(block.x - x) <= NEAR and abs(block.z - z) <= NEAR:
                if self._above(block):
                    raise Refused(f"another block stands on the {block.name} one")
                self.holding = block.name
                if reason := self._hit(self.joints):
                    self.holding = None
                    raise Refused(reason)
                self._carry()
                return block.name
        raise Refused("there is no block between the fingers")

    def release(self) -> str:
        """Open the gripper; what it held falls onto what is below. Return its name."""
        if self.holding is None:
            raise Refused("the gripper holds nothing")
        block = self.blocks[self.holding]
        if abs(block.x) > END:
            raise Refused("there is no table below")
        below = [
            one.z + EDGE / 2
            for one in self.blocks.values()
            if one.name != block.name and abs(one.x - block.x) < EDGE and one.z < block.z
        ]
        self.blocks[block.name] = replace(block, z=max(below, default=0.0) + EDGE / 2)
        self.holding = None
        return block.name

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        blocks = [asdict(block) for block in self.blocks.values()]
        return {"joints": list(self.joints), "holding": self.holding, "blocks": blocks}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Table:
        """Return the table that `plain` has described. Raises ValueError or KeyError."""
        table = cls()
        a, b, c = map(float, values["joints"])
        table.joints = (a, b, c)
        table.blocks = {one["name"]: Block(**one) for one in values["blocks"]}
        table.holding = values["holding"]
        if table.holding is not None and table.holding not in table.blocks:
            raise ValueError(f"there is no {table.holding} block")
        return table

    def _hit(self, joints: Joints) -> str | None:
        """Return what the arm would hit in a posture."""
        points = forward(joints)
        x, z = points[-1]
        held = self.holding is not None
        lowest = min(z for _, z in points) if not held else min(points[2][1], z - EDGE / 2)
        if lowest < -TINY:
            return "it would hit the table"
        for one in self.blocks.values():
            near = abs(one.x - x) < EDGE - TINY and abs(one.z - z) < EDGE - TINY
            if held and one.name != self.holding and near:
                return f"the {self.holding} block would hit the {one.name} one"
        return None

    def _carry(self) -> None:
        if self.holding is not None:
            x, z = self.tip
            self.blocks[self.holding] = Block(self.holding, round(x, 9), round(z, 9))

    def _above(self, block: Block) -> bool:
        return any(
            abs(one.x - block.x) < EDGE and abs(one.z - block.z - EDGE) < TINY
            for one in self.blocks.values()
        )
