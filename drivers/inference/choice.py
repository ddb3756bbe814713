"""What a person has chosen to run, kept over restarts.

`model.json` holds the targets and the models' names; keys lie beside it in `model.key`. Their owner
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
    #: Whether it is known to be a sentence model, which makes vectors and holds no conversations.
    sentences: bool = False
    #: The share of the processes that it serves where they name no model, beside the chosen one.
    share: float = 0.0

    @property
    def label(self) -> str:
        """The target as it may be shown, without a password in it."""
        return shown(self.target)


class Memo:
    """Two files in the driver's folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "model.json"
        self._key = folder / "model.key"

    def read(self) -> list[Choice]:
        """Return what was chosen, the chosen one first; nothing for a file that is damaged."""
        said = _read(self._file)
        if said is None:
            return []
        models = said.get("models")
        listed = models if isinstance(models, list) else []
        if not listed or not all(map(_whole, listed)):
            print(f"{self._file} is damaged and not followed", file=sys.stderr)
            return []
        # A key goes to the endpoint that it was given for, whatever crash came between the files.
        keys = {target: key for target, key in (_read(self._key) or {}).items() if _text(key)}
        return [
            Choice(
                target=one["target"],
                name=one.get("name"),
                key=keys.get(one["target"]),
                sentences=one.get("sentences") is True,
                share=one.get("share", 0.0),
            )
            for one in listed
        ]

    def write(self, choices: list[Choice]) -> None:
        """Keep choices. Raises `OSError`."""
        keys = {one.target: one.key for one in choices if one.key is not None}
        if keys:
            _write(self._key, keys)
        else:
            self._key.unlink(missing_ok=True)
        _write(self._file, {"models": [_said(one) for one in choices]})


def _said(choice: Choice) -> dict[str, Any]:
    said: dict[str, Any] = {"target": choice.target, "name": choice.name}
    if choice.sentences:
        said["sentences"] = True
    if choice.share:
        said["share"] = choice.share
    return said


def _whole(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and _text(said.get("target"))
        and (said.get("name") is None or _text(said["name"]))
        and isinstance(share := said.get("share", 0.0), float)
        and 0 <= share <= 1
    )


def _text(said: Any) -> bool:
    return isinstance(said, str)


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
