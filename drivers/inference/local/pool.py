"""How many tokens have room: as many as were asked for, or what the machine has room for.

Interface:
    size            in the device's pages; raises `InvalidArgument` with figures
    places          in host memory, likewise
    quota           how many pages a process may hold
    available       the memory that can be had, in bytes
"""

from __future__ import annotations

from pathlib import Path

from ....syscalls.errors import InvalidArgument

#: Tokens where nobody asks for a number; fewer than the least are of no use to an agent.
USUAL, LEAST = 32_768, 512
#: The part of the free memory that pages may take; activations and other processes take the rest.
SHARE = 0.5
#: The part of it that pages may take which have left the device.
SWAPPED = 0.25
MIB = 1 << 20


def size(asked: int | None, per_token: int, free: int, usual: int = USUAL) -> int:
    """Return the tokens that the pages hold, each of `per_token` bytes of `free` ones: `usual`
    where nobody asks for a number."""
    fits = int(free * SHARE) // max(per_token, 1)
    wanted = usual if asked is None else asked
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


def places(asked: int | None, tokens: int, per_token: int, free: int) -> int:
    """Return the tokens that host memory holds; as many as the device unless asked otherwise."""
    fits = int(free * SWAPPED) // max(per_token, 1)
    if asked is None:
        return min(tokens, fits)
    if not 0 <= asked <= fits:
        raise InvalidArgument(f"swap is {asked} tokens: from 0 to {fits} can be had here")
    return asked


def quota(asked: int | None, pages: int, longest: int) -> int:
    """Return the pages that a process may hold: half of all, and always those of one context of
    the `longest` kind, unless asked otherwise."""
    if asked is None:
        return max(pages // 2, min(longest, pages))
    if asked < 1:
        raise InvalidArgument(f"pages_per_process is {asked}: at least 1 is wanted")
    return asked


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
