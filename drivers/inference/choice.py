"""What a person has chosen to run, kept over restarts.

`model.json` holds the target and the model's name; a key lies beside it in `model.key`. Their owner
alone can read them. Each is replaced as a whole, so that a crash leaves the old or the new one.

Interface:
    Choice          a target with its name and key
    Memo            `read` and `write` it
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .openai.address import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the device is to run."""

    target: str
    name: str | None = None
    key: str | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """The target as it may be shown, without a password in it."""
        return shown(self.target)


class Memo:
    """Two files in the driver's folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "model.json"
        self._key = folder / "model.key"

    def read(self) -> Choice | None:
        """Return what was chosen; None for nothing, and for a file that is damaged."""
        said = _read(self._file)
        if said is None:
            return None
        target, name = said.get("target"), said.get("name")
        if not isinstance(target, str) or not isinstance(name, str | None):
            print(f"{self._file} is damaged and not followed", file=sys.stderr)
            return None
        kept = _read(self._key) or {}
        # A key goes to the endpoint that it was given for, whatever crash came between the files.
        key = kept.get("key") if kept.get("target") == target else None
        return Choice(target=target, name=name, key=key if isinstance(key, str) else None)

    def write(self, choice: Choice) -> None:
        """Keep a choice. Raises `OSError`."""
        if choice.key is None:
            self._key.unlink(missing_ok=True)
        else:
            _write(self._key, {"target": choice.target, "key": choice.key})
        _write(self._file, {"target": choice.target, "name": choice.name})


def _read(file: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {}


def _write(file: Path, content: dict[str, Any]) -> None:
    fresh = file.with_suffix(file.suffix + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(json.dumps(content))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
