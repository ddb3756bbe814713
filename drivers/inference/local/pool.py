"""How many tokens the pages hold: as many as were asked for, or what the machine has room for.

Interface:
    size            raises `InvalidArgument` with figures
    available       the memory that can be had, in bytes
"""

from __future__ import annotations

from pathlib import Path

from ....syscalls.errors import InvalidArgument

#: Tokens where nobody asks for a number; fewer than the least are of no use to an agent.
USUAL, LEAST = 32_768, 512
#: The part of the free memory that pages may take; activations and other processes take the rest.
SHARE = 0.5
MIB = 1 << 20


def size(asked: int | None, per_token: int, free: int) -> int:
    """Return the tokens that the pages hold, each of `per_token` bytes of `free` ones."""
    fits = int(free * SHARE) // max(per_token, 1)
    wanted = USUAL if asked is None else asked
    least = LEAST if asked is None else wanted
    if wanted < LEAST:
        raise InvalidArgument(f"tokens is {wanted}: at least {LEAST} are wanted")
    if fits < least:
        raise InvalidArgument(
            f"the context pages of {least} tokens take {least * per_token / MIB:.0f} MiB; half of "
            f"the memory that is free has {free * SHARE / MIB:.0f} MiB: set fewer `tokens` or run "
            "a smaller model"
        )
    return min(wanted, fits)


def available() -> int:
    """Return the memory that can be had: what the machine says, and what the cgroup allows."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    free = int(found["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no cgroup of version 2 here, or one without a limit
        pass
    return max(free, 0)
