"""Control groups: a folder stands for the machine's where nobody has delegated one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmagentos.kernel.sandbox import cgroup
from llmagentos.kernel.sandbox.layers import LAYERS, advice


def machine(folder: Path, controllers: str = "cpu memory pids") -> tuple[Path, Path]:
    """Return a folder with a delegated group, and what tells this process its place."""
    group = folder / "user.slice" / "aos.service"
    group.mkdir(parents=True)
    (group / "cgroup.controllers").write_text(controllers)
    (group / "cgroup.procs").write_text(f"{os.getpid()}\n")
    own = folder / "own"
    own.write_text("4:memory:/elsewhere\n0::/user.slice/aos.service\n")
    return group, own


def test_daemon_moves_aside_so_that_its_group_can_have_others_below_it(tmp_path: Path) -> None:
    group, own = machine(tmp_path)
    assert cgroup.delegated(tmp_path, own) == group
    assert (group / "daemon/cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    own.write_text("0::/user.slice/aos.service/daemon\n")
    assert cgroup.delegated(tmp_path, own) == group


@pytest.mark.parametrize("controllers", ["", "cpu", "memory"])
def test_group_without_the_needed_controllers_is_none(tmp_path: Path, controllers: str) -> None:
    _, own = machine(tmp_path, controllers)
    assert cgroup.delegated(tmp_path, own) is None


def test_machine_without_groups_has_none(tmp_path: Path) -> None:
    assert cgroup.delegated(tmp_path, tmp_path / "missing") is None
    (tmp_path / "own").write_text("4:memory:/\n")
    assert cgroup.delegated(tmp_path, tmp_path / "own") is None


def test_limits_are_written_before_the_process_enters_which_a_mere_folder_does_not_hold(
    tmp_path: Path,
) -> None:
    assert cgroup.enter(str(tmp_path), "aos-7", 2**30, 64, 0.5) is False
    group = tmp_path / "aos-7"
    assert (group / "memory.max").read_text() == str(2**30)
    assert (group / "pids.max").read_text() == "64"
    assert (group / "cpu.max").read_text() == "50000 100000"
    assert (group / "cgroup.procs").read_text() == "0"
    cgroup.remove(tmp_path, "aos-8")
    cgroup.remove(tmp_path, "aos-7")  # With files in it, it is no group, and stays.
    assert group.exists()


def test_every_layer_that_may_be_required_says_what_to_do_for_it() -> None:
    assert all(advice([layer]) for layer in LAYERS)
    assert advice(["netns", "cgroup"]).count(";") == 1
