from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from llmagentos.services.learning.training.extras import require
from llmagentos.services.learning.training.failures import memory, whole, writing
from llmagentos.services.learning.training.log import CurveLog
from llmagentos.syscalls.errors import InputOutputError, NotFound, QuotaExceeded


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be longer than 64 KiB."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, was[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, was)


def test_more_memory_than_there_is_is_told() -> None:
    with pytest.raises(QuotaExceeded, match="out of memory in a test; all is kept"):
        with memory("in a test", lambda: "all is kept"):
            torch.empty(10**15)


def test_what_is_no_want_of_memory_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        with memory("in a test"):
            raise RuntimeError("shapes do not fit")


def test_weights_that_cannot_be_written_are_told(tmp_path: Path, small_files: None) -> None:
    from safetensors.torch import save_file

    with pytest.raises(InputOutputError, match=r"^EIO: the model: "), writing("the model"):
        save_file({"x": torch.zeros(100_000)}, tmp_path / "model.safetensors")


def test_what_was_half_written_gives_its_room_back_whoever_holds_it_open(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deeper").mkdir(parents=True)
    with (folder / "deeper/weights").open("wb", buffering=0) as held:
        held.write(b"half")
        with pytest.raises(InputOutputError), writing("the model"), whole(folder):
            raise OSError(28, "No space left on device")
        assert os.fstat(held.fileno()).st_size == 0
    assert not folder.exists()


def test_a_curve_that_cannot_be_written_is_told(tmp_path: Path, small_files: None) -> None:
    log = CurveLog(tmp_path)
    with pytest.raises(InputOutputError, match="the log: File too large"):
        for step in range(10_000):
            log.add(step, {"loss": 1.0})
    log.close()


def test_tensorboard_reads_the_curves_and_forgets_what_was_done_again(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = CurveLog(tmp_path)
    for step in range(1, 8):
        first.add(step, {"loss": float(step)})
    first.close()
    second = CurveLog(tmp_path, 4)
    second.add(5, {"loss": 0.5})
    second.close()
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(one.step, one.value) for one in read.Scalars("loss")] == [
        (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 0.5),
    ]  # fmt: skip


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(NotFound, match=r"^ENOENT: no_such_library is not installed: pip install"):
        require("math", "no_such_library")
