"""Where a planar arm of three joints is, and how it gets somewhere.

The arm moves in a plane: x along the table, z above it, both in metres. Its gripper points straight
down. Angles are in radians: the first joint's against the table, each other's against the link
before it. The closed form is the textbook's for two links and a wrist (Craig, Introduction to
Robotics, chapter 4).

Interface:
    forward         joints to the points of the arm, from the shoulder to the tip
    inverse         a tip to the joints that bring it there; raises `OutOfReach`
    path            the joints on the way between two of them
"""

from __future__ import annotations

from collections.abc import Iterator
from math import acos, atan2, cos, hypot, isfinite, pi, sin, tau

Joints = tuple[float, float, float]
Point = tuple[float, float]

#: Metres: the shoulder above the table, and each link.
SHOULDER, LINKS = 0.10, (0.30, 0.25, 0.10)
#: The least and the greatest angle of each joint.
BOUNDS = ((0.0, pi), (-2.8, 2.8), (-2.8, 2.8))
#: With its arm raised and bent, gripper down.
HOME: Joints = (2.0, -1.8, -pi / 2 - 0.2)
DOWN = -pi / 2
STEPS = 60


class OutOfReach(ValueError):
    """The arm cannot bring its gripper there."""


def forward(joints: Joints) -> list[Point]:
    """Return the shoulder, the elbow, the wrist and the tip."""
    x, z, angle = 0.0, SHOULDER, 0.0
    points = [(x, z)]
    for joint, length in zip(joints, LINKS, strict=True):
        angle += joint
        x, z = x + length * cos(angle), z + length * sin(angle)
        points.append((x, z))
    return points


def inverse(x: float, z: float) -> list[Joints]:
    """Return each way to bring the tip to a point, gripper down, the elbow-up one first.

    Raises `OutOfReach` where the joints' bounds or the links' lengths allow none.
    """
    if not (isfinite(x) and isfinite(z)):
        raise OutOfReach("a place is two numbers")
    upper, lower, hand = LINKS
    wrist_x, wrist_z = x, z + hand - SHOULDER
    distance = hypot(wrist_x, wrist_z)
    bend = (distance**2 - upper**2 - lower**2) / (2 * upper * lower)
    if not -1 <= bend <= 1:
        raise OutOfReach(f"({x:g}, {z:g}) is out of reach")
    found = []
    for elbow in (-acos(bend), acos(bend)):
        shoulder = atan2(wrist_z, wrist_x) - atan2(lower * sin(elbow), upper + lower * cos(elbow))
        wrist = _turned(DOWN - shoulder - elbow)
        joints = (_turned(shoulder), elbow, wrist)
        if all(low <= one <= high for one, (low, high) in zip(joints, BOUNDS, strict=True)):
            found.append(joints)
    if not found:
        raise OutOfReach(f"({x:g}, {z:g}) would bend a joint too far")
    return found


def path(start: Joints, end: Joints) -> Iterator[Joints]:
    """Yield the joints on the way, all of them turning evenly; the last is `end`."""
    for step in range(1, STEPS + 1):
        part = step / STEPS
        a, b, c = (one + (other - one) * part for one, other in zip(start, end, strict=True))
        yield (a, b, c)


def _turned(angle: float) -> float:
    """Return an angle between -pi and pi."""
    return (angle + pi) % tau - pi
