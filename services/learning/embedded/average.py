"""The mean of saved models, which makes fewer mistakes than each of them.

    python -m llmagentos.services.learning.embedded.average FOLDER FOLDER … --out FOLDER

Weights of one run at different steps lie around the same place; their mean lies nearer to it
(stochastic weight averaging; Izmailov et al. 2018, arXiv:1803.05407). All else is copied from the
last folder.

Interface:
    average         folders to a folder
    main            the command
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["average", "main"]

_WEIGHTS = "model.safetensors"


def average(folders: Sequence[Path], out: Path) -> None:
    """Write the mean of the folders' weights to `out`, in their own dtype.

    Raises `ValueError` for folders whose weights differ in names or shapes.
    """
    from safetensors.torch import load_file, save_file

    models = [load_file(folder / _WEIGHTS) for folder in folders]
    first, *others = ({name: tensor.shape for name, tensor in one.items()} for one in models)
    if any(one != first for one in others):
        raise ValueError("these folders hold weights of different models")
    mean = {
        name: sum(one[name].double() for one in models).div(len(models)).to(tensor.dtype)  # type: ignore[union-attr]  # a sum of tensors is one
        for name, tensor in models[-1].items()
    }
    out.mkdir(parents=True, exist_ok=True)
    for file in folders[-1].iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "report.json":
            shutil.copy(file, out / file.name)
    save_file(mean, out / _WEIGHTS, metadata={"format": "pt"})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Average saved models.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    average(given.folders, given.out)


if __name__ == "__main__":
    main()
