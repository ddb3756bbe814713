"""Weights of several models to one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from llmagentos.services.learning.embedded.average import average


def saved(folder: Path, values: list[float]) -> Path:
    from safetensors.torch import save_file

    folder.mkdir()
    save_file({"w": torch.tensor(values)}, folder / "model.safetensors")
    (folder / "config.json").write_text(folder.name)
    (folder / "report.json").write_text("{}")
    return folder


def test_weights_are_the_mean_and_the_rest_is_the_last_ones(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    one, other = saved(tmp_path / "a", [1.0, 2.0]), saved(tmp_path / "b", [3.0, 6.0])
    average([one, other], tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors")["w"].tolist() == [2.0, 4.0]
    assert (tmp_path / "out" / "config.json").read_text() == "b"
    assert not (tmp_path / "out" / "report.json").exists()


def test_models_of_different_shapes_are_refused(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "a", [1.0]), saved(tmp_path / "b", [3.0, 6.0])
    with pytest.raises(ValueError, match="different models"):
        average([one, other], tmp_path / "out")
    assert not (tmp_path / "out").exists()
