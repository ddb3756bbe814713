"""What a process sees of the files, as its layers hold it and not as somebody has wished.

Interface:
    view            the folders and files that it may read and write
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


def view(
    report: Mapping[str, str], home: Path | None, own: Iterable[str], system: Iterable[str]
) -> dict[str, list[str]]:
    """Return what may be written and read, by `write`, `read` and `system`, what all may read.

    Without Landlock that is whatever the daemon's own user may.
    """
    if report.get("landlock") != "enforced":
        return {"write": ["/"], "read": ["/"], "system": []}
    return {
        "write": [] if home is None else [str(home)],
        "read": sorted(own),
        "system": sorted(system),
    }
