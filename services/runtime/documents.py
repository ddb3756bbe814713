"""What an agent is given to know: files beside its manifest, taken in before it begins.

Interface:
    ingest          takes them in
    DocumentError   raised for one that cannot be read
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ...syscalls.os import OS
from .manifest import Documents


class DocumentError(Exception):
    """A document cannot be had."""


async def ingest(os: OS, folder: Path, wanted: Documents) -> None:
    """Take in the files of a folder that fit the patterns, by their paths in it. What is known
    already, byte for byte, costs next to nothing.

    Raises `DocumentError` for a pattern that fits no file, one that leads out of the folder, and a
    file that cannot be read; and what `knowledge.ingest` raises.
    """
    for path in _files(folder, wanted.documents):
        name = path.relative_to(folder).as_posix()
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise DocumentError(f"{name}: {error.strerror}") from error
        done = await os.knowledge.ingest(name, data=data, extract=wanted.extract)
        if not done.unchanged:
            count = done.document.passages
            print(f"{name}: {count} passage{'s' * (count != 1)}", file=sys.stderr)
        for part in done.document.missing:
            print(f"{name}: not seen: {part}", file=sys.stderr)


def _files(folder: Path, patterns: list[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        if not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise DocumentError(f"{pattern!r} leads out of the agent's folder")
        fitting = sorted(one for one in folder.glob(pattern) if one.is_file())
        if not fitting:
            raise DocumentError(f"no file fits {pattern!r}")
        found |= dict.fromkeys(fitting)
    return list(found)
