"""A job's checkpoints: each is whole or not there at all.

A checkpoint is written aside, brought to the disk and then renamed, so that neither a killed
process nor a full disk can spoil the last good one. The last few are kept.

Interface:
    Checkpoints     save, latest, clear, good
    Checkpoint      where one is, and how far the work was
    fingerprint     what a recipe is known by
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import whole, writing

#: Checkpoints that are kept.
KEPT = 2
_ASIDE = ".aside"
_ABOUT = "about.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A point from which a job can go on."""

    folder: Path
    step: int
    #: What the job has noted besides.
    notes: dict[str, Any]


def fingerprint(recipe: Mapping[str, Any]) -> str:
    """Return what a recipe is known by: the same for the same settings in any order."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Checkpoints:
    """The checkpoints in one folder. Those of another recipe are no points to go on from."""

    def __init__(
        self,
        folder: Path,
        recipe: Mapping[str, Any],
        kept: int = KEPT,
        left: Callable[[], str] | None = None,
    ) -> None:
        """`left` says what there is to go on from where one cannot be saved, if not these."""
        self.folder, self._kept = folder, kept
        self._left = left or self.good
        self._recipe = fingerprint(recipe)

    def save(
        self, step: int, write: Callable[[Path], None], notes: Mapping[str, Any] | None = None
    ) -> Checkpoint:
        """Keep what `write` puts into the folder that it is given, and forget the oldest.

        Raises `InputOutputError` where the disk is full or broken; what was kept before stays.
        """
        aside, place = self.folder / _ASIDE, self._place(step)
        noted = dict(notes or {})
        about = {"step": step, "recipe": self._recipe, "notes": noted}
        with writing(f"the checkpoint of step {step}", self._left), whole(aside):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            write(aside)
            (aside / _ABOUT).write_text(json.dumps(about))
            for path in (*aside.rglob("*"), aside):
                _sync(path)
            if place.exists():
                shutil.rmtree(place)
            aside.rename(place)
            _sync(self.folder)
        for old in self._all()[: -self._kept]:
            shutil.rmtree(old, ignore_errors=True)
        return Checkpoint(folder=place, step=step, notes=noted)

    def latest(self) -> Checkpoint | None:
        """Return the point to go on from; None where the work begins. Removes those of another
        recipe."""
        for place in reversed(self._all()):
            try:
                about = json.loads((place / _ABOUT).read_text())
                known = about["recipe"] == self._recipe
                found = Checkpoint(folder=place, step=about["step"], notes=about["notes"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if known:
                return found
            print("The checkpoints are of another recipe: begins anew.", file=sys.stderr)
            self.clear()
            break
        return None

    def clear(self) -> None:
        """Forget all checkpoints."""
        for place in self._all():
            shutil.rmtree(place, ignore_errors=True)

    def good(self) -> str:
        """Say which is the last one."""
        kept = self._all()
        return f"the last good checkpoint is {kept[-1]}" if kept else "there is no checkpoint yet"

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
