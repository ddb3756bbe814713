from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.services.learning.training.checkpoints import Checkpoints, fingerprint
from llmagentos.syscalls.errors import InputOutputError

RECIPE = {"training": {"rate": 0.1}}


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be longer than 64 KiB."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, was[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, was)


def test_the_last_two_are_kept_and_the_latest_is_found(tmp_path: Path) -> None:
    points = Checkpoints(tmp_path / "c", RECIPE)
    assert points.latest() is None
    for step in (1, 2, 10):
        points.save(step, lambda folder: None, {"loss": 1.0})
    assert sorted(one.name for one in points.folder.iterdir()) == ["step-00000002", "step-00000010"]
    found = points.latest()
    assert found is not None and (found.step, found.notes) == (10, {"loss": 1.0})


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    points = Checkpoints(tmp_path / "c", RECIPE)

    def half(folder: Path) -> None:
        (folder / "state").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputOutputError, match="step 1: No space left on device; there is no ch"):
        points.save(1, half)
    assert list(points.folder.iterdir()) == []
    points.save(2, lambda folder: None)
    with pytest.raises(
        InputOutputError, match=r"step 3: .*last good checkpoint is .*step-00000002"
    ):
        points.save(3, half)
    assert [one.name for one in points.folder.iterdir()] == ["step-00000002"]


def test_a_file_that_may_grow_no_longer_is_told(tmp_path: Path, small_files: None) -> None:
    import torch

    points = Checkpoints(tmp_path / "c", RECIPE)
    with pytest.raises(InputOutputError, match="the checkpoint of step 1"):
        points.save(1, lambda folder: torch.save(torch.zeros(100_000), folder / "state.pt"))
    with pytest.raises(InputOutputError, match="File too large"):
        points.save(1, lambda folder: (folder / "x").write_bytes(bytes(100_000)) and None)
    assert list(points.folder.iterdir()) == []


def test_a_defect_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    def wrong(folder: Path) -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        Checkpoints(tmp_path / "c", RECIPE).save(1, wrong)


def test_one_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    points = Checkpoints(tmp_path / "c", RECIPE)
    for step in (1, 2):
        points.save(step, lambda folder: None)
    (tmp_path / "c/step-00000002/about.json").write_text("{")
    found = points.latest()
    assert found is not None and found.step == 1


def test_a_recipe_is_known_whatever_the_order_of_its_keys() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
