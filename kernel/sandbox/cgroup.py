"""Control groups: what a process and all that it starts may use together (cgroups(7), version 2).

Where the machine has delegated a group to the daemon, as systemd does for a user's services with
`Delegate=yes`, each agent gets one below it. Elsewhere the layer is unavailable.

Interface:
    delegated       the daemon's group, made ready for others below it; None where there is none
    enter           put this process into a group of its own
    remove          forget an ended process's group
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
#: The controllers that limit something here; the others are welcome.
_NEEDED, _WELCOME = frozenset({"memory", "pids"}), frozenset({"cpu"})
#: Where the daemon itself goes: a group with others below it holds no processes.
_OWN = "daemon"
#: Microseconds over which a share of the processors is counted.
_PERIOD = 100_000


def delegated(root: Path = _ROOT, own: Path = Path("/proc/self/cgroup")) -> Path | None:
    """Return the group below which others can be made, None where nobody has delegated one.

    This process, alone in its group, moves into one below.
    """
    try:
        lines = own.read_text().splitlines()
        place = next(line[3:] for line in lines if line.startswith("0::"))
        group = root / place.lstrip("/")
        if Path(place).name == _OWN:
            group = group.parent
        there = frozenset((group / "cgroup.controllers").read_text().split())
        # The uppermost group is the machine's own.
        if not there >= _NEEDED or (root == _ROOT and group == root):
            return None
        (group / _OWN).mkdir(exist_ok=True)
        for process in (group / "cgroup.procs").read_text().split():
            (group / _OWN / "cgroup.procs").write_text(process)
        wanted = " ".join(f"+{one}" for one in sorted(there & (_NEEDED | _WELCOME)))
        (group / "cgroup.subtree_control").write_text(wanted)
    except (OSError, StopIteration):
        return None
    return group


def enter(
    base: str, name: str, memory: int | None, processes: int | None, cores: float | None
) -> bool:
    """Put this process into a group with these limits; return whether it is held there.

    Bytes of memory, and no swap, processes and threads, and processors, None for no limit. Raises
    OSError.
    """
    group = f"{base}/{name}"
    os.makedirs(group, exist_ok=True)
    limits = {
        "memory.max": memory,
        "pids.max": processes,
        "cpu.max": None if cores is None else f"{int(cores * _PERIOD)} {_PERIOD}",
    }
    for file, limit in limits.items():
        if limit is not None:
            _write(f"{group}/{file}", str(limit))
    with suppress(OSError):  # A machine without swap has no such file.
        _write(f"{group}/memory.swap.max", "0")
    _write(f"{group}/cgroup.procs", "0")
    with open("/proc/self/cgroup") as groups:
        return any(line.rstrip("\n").endswith(f"/{name}") for line in groups)


def remove(base: Path, name: str) -> None:
    """Forget a group whose processes have ended; one that still has some stays."""
    with suppress(OSError):
        (base / name).rmdir()


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
