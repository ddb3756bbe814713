"""Where a training run stands, on disk. Files are written aside and renamed.

Interface:
    Checkpoint      one run's file; `save`, `restore`
    export          the model's folder as transformers reads it
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from .batches import Batches
from .optimiser import Optimiser
from .tokenizer import CHAT_TEMPLATE

__all__ = ["Checkpoint", "export"]


class Checkpoint:
    """The state of a run: weights, optimiser, random numbers, data position, plan."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(
        self, model: Any, optimiser: Optimiser, batches: Batches, plan: dict[str, Any]
    ) -> None:
        """Replace the file at once, or leave the old one."""
        aside = self.path.with_suffix(".tmp")
        state = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "position": batches.position,
            "plan": plan,
        }
        torch.save(state, aside)
        os.replace(aside, self.path)

    def plan(self) -> dict[str, Any] | None:
        """The plan of the run that wrote the file; None where there is no file."""
        if not self.path.exists():
            return None
        plan: dict[str, Any] = torch.load(self.path, weights_only=True)["plan"]
        return plan

    def restore(self, model: Any, optimiser: Optimiser, batches: Batches) -> None:
        """Bring a run to where the file says."""
        state = torch.load(self.path, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        batches.seek(state["position"])


def export(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write weights, configuration, tokenizer and template to a folder, each file renamed."""
    aside = folder / ".aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    model.generation_config.do_sample = False
    model.generation_config.max_new_tokens = 256
    model.save_pretrained(aside, safe_serialization=True)
    tokenizer.save_pretrained(aside)
    (aside / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    for file in sorted(aside.iterdir()):
        file.chmod(0o644)
        os.replace(file, folder / file.name)
    aside.rmdir()
