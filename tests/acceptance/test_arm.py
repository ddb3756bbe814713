"""The example of a robot arm: its mathematics, its world, and an agent that stacks blocks."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import hypot, pi
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import ROOT, House

ARM = ROOT / "examples/plugins/arm"


@pytest.fixture(scope="module")
def arm() -> Iterator[Any]:
    """The example's modules, as they lie there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ARM))
        from llmagentos_arm import kinematics, table

        yield SimpleNamespace(kinematics=kinematics, table=table)


@given(x=st.floats(-0.6, 0.6), z=st.floats(-0.1, 0.6))
def test_inverse_kinematics_is_undone_by_forward(arm: Any, x: float, z: float) -> None:
    kinematics = arm.kinematics
    try:
        found = kinematics.inverse(x, z)
    except kinematics.OutOfReach:
        return
    for joints in found:
        points = kinematics.forward(joints)
        assert points[-1] == pytest.approx((x, z), abs=1e-9)
        assert points[2] == pytest.approx((x, z + kinematics.LINKS[2]), abs=1e-9)
        lengths = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        assert lengths == pytest.approx(kinematics.LINKS)
        assert sum(joints) % (2 * pi) == pytest.approx(1.5 * pi)


@given(places=st.lists(st.tuples(st.floats(-0.7, 0.7), st.floats(-0.1, 0.6)), max_size=8))
def test_what_is_refused_changes_nothing_and_nothing_goes_through_the_table(
    arm: Any, places: list[tuple[float, float]]
) -> None:
    table = arm.table.Table()
    acts = [table.grip, table.release]
    for number, (x, z) in enumerate([(0.2, 0.2), (0.2, 0.02), *places]):
        for act in (lambda x=x, z=z: table.move(x, z), acts[number % 2]):
            before = table.plain()
            try:
                act()
            except arm.table.Refused:
                assert table.plain() == before
        assert min(z for _, z in arm.kinematics.forward(table.joints)) > -1e-6
        assert all(block.z >= arm.table.EDGE / 2 - 1e-6 for block in table.blocks.values())
        assert arm.table.Table.from_plain(json.loads(json.dumps(table.plain()))).plain() == (
            table.plain()
        )


@pytest.mark.parametrize("place", [(0.9, 0.1), (0.0, 0.0), (0.3, -0.05), (float("nan"), 0.1)])
def test_where_it_cannot_be_it_does_not_go(arm: Any, place: tuple[float, float]) -> None:
    with pytest.raises(arm.table.Refused):
        arm.table.Table().move(*place)


def test_blocks_are_stacked_and_fall(arm: Any) -> None:
    table = arm.table.Table()
    with pytest.raises(arm.table.Refused, match="no block"):
        table.grip()
    table.move(0.2, 0.2)
    table.move(0.2, 0.02)
    assert table.grip() == "red"
    with pytest.raises(arm.table.Refused, match="would hit the table"):
        table.move(0.2, 0.01)
    table.move(0.2, 0.2)
    with pytest.raises(arm.table.Refused, match="the red block would hit the green one"):
        table.move(0.3, 0.03)
    table.move(0.3, 0.2)
    assert table.release() == "red"
    assert table.blocks["red"].z == pytest.approx(0.06)
    table.move(0.3, 0.02)
    with pytest.raises(arm.table.Refused, match="another block stands on the green one"):
        table.grip()


@pytest.fixture(scope="module")
def plugged(make_house: Callable[..., House], tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house in which the example is installed, as pip leaves it."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((ARM / "pyproject.toml").read_text())["project"]
    shutil.copytree(ARM / "llmagentos_arm", site / "llmagentos_arm")
    about: Path = site / "llmagentos_arm-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {project['name']}\nVersion: 0.1.0\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {entry}" for name, entry in points.items())]
    (about / "entry_points.txt").write_text("\n".join(lines))
    house = make_house(
        PYTHONPATH=str(site),
        LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false",
        LLMAGENTOS_SERVICES__GATEWAY__ENABLED="false",
    )
    house.aos("start")
    return house


@pytest.mark.slow
def test_an_agent_stacks_blocks_and_the_table_stays_as_it_was_left(plugged: House) -> None:
    run = plugged.aos("run", str(ARM / "pick.py"), "--task", "red blue")
    assert "red: 0.40 m along the table, 0.06 m above it" in run.out
    plugged.aos("restart")
    seen = plugged.aos("tool", "call", "arm_look", "--json").json()
    assert {"name": "red", "x": 0.4, "z": 0.06} in seen["data"]["blocks"]
    refused = plugged.aos("tool", "call", "arm_move", "x=3", "z=0.1", check=False)
    assert refused.code == 1 and "out of reach" in refused.err
    infos = {one["name"]: one for one in plugged.aos("tool", "ls", "--json").json()}
    assert infos["arm_move"]["effect"] and infos["arm_move"]["rate"] == 60
    assert infos["arm_look"]["source"] == "llmagentos-arm" and not infos["arm_look"]["effect"]
    assert set(infos["arm_look"]["result"]["required"]) == {"x", "z", "holding", "blocks"}
    nobody = plugged.aos("run", str(ARM / "pick.py"), "--task", "pink 0.2", check=False)
    assert nobody.code == 1 and "there is no pink block" in nobody.out
