"""How much memory a program holds.

Interface:
    resident        bytes of a program, shared ones in proportion
"""

from __future__ import annotations

from pathlib import Path


def resident(os_pid: int) -> int:
    """Return a program's proportional set size in bytes; 0 where it cannot be read."""
    try:
        lines = Path(f"/proc/{os_pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
