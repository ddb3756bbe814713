"""A server's program in a box, unless its settings say otherwise.

It sees the system's programs, its own, what its command names, and a home of its own; a file that
the command names is seen with its neighbours and packages, which a script needs, and a folder may
be written.

Interface:
    Ground          what the driver has for such boxes
    boxes           whether there are any on this machine
    started         an asynchronous context: the program while it is entered
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..box import Box, boxed
from ..child import child
from .settings import ServerSettings

#: Seconds in which bubblewrap is tried.
_TRIAL = 10.0
#: Folders that hold more than a program, whatever lies below them.
_WIDE = ("/", "/usr", "/usr/local", "/home", "/root", "/opt", "/tmp", "/var")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the driver has for such boxes."""

    #: The folder of all servers' homes.
    homes: Path
    #: The filter of system calls, empty where this machine has none.
    filter: bytes


@asynccontextmanager
async def started(
    name: str,
    settings: ServerSettings,
    ground: Ground | None,
    environment: Mapping[str, str],
    **streams: Any,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a server's program. Raises `Failure` for a box that is required and not to be had."""
    wanted = settings.sandbox != "off" and ground is not None
    if not wanted or (settings.sandbox == "wanted" and not await asyncio.to_thread(boxes)):
        async with child(
            *settings.command, env=dict(environment), cwd=settings.cwd, **streams
        ) as process:
            yield process
        return
    assert ground is not None
    home = ground.homes / name
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    box = _box(settings, str(home), environment)
    async with boxed(box, settings.command, ground.filter, settings.sandbox, **streams) as process:
        yield process


def _box(settings: ServerSettings, home: str, environment: Mapping[str, str]) -> Box:
    named = [Path(one) for one in settings.command[1:] if one.startswith("/")]
    written = [str(one) for one in named if one.is_dir()]
    read = [str(_around(one)) for one in named if one.is_file()]
    told = {key: value for key, value in environment.items() if key not in ("HOME", "TMPDIR")}
    return Box(
        home=home,
        at=home,
        start=settings.cwd,
        read=[*_program(settings.command[0]), *read, *settings.read],
        write=[*written, *settings.write, *([settings.cwd] if settings.cwd else [])],
        network=settings.network,
        environment=told,
    )


@lru_cache(maxsize=1)
def boxes() -> bool:
    """Whether bubblewrap works on this machine, which is tried once. Blocking."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        return False
    tried = [bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        return subprocess.run(tried, capture_output=True, timeout=_TRIAL).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _around(script: Path) -> Path:
    """Return the folder that a script is seen with: its own, or that of its packages (Node's)."""
    for folder in script.parents:
        if str(folder) in _WIDE or str(folder) in (_home(), str(folder.parent)):
            break
        if (folder / "node_modules").is_dir():
            return folder
    return script.parent


def _program(command: str) -> list[str]:
    """Return the folders that a program needs: those that it, and what it is a link to, lie in."""
    found = shutil.which(command)
    places = [] if found is None else [found, os.path.realpath(found)]
    folders = {str(Path(place).absolute().parent) for place in places}
    # A virtual environment's or a Node's own folder lies above that of its programs.
    above = {str(Path(one).parent) for one in folders if Path(one).name == "bin"}
    own = {_home(), f"{_home()}/.local"}
    return sorted(folders | {one for one in above if one not in _WIDE and one not in own})


def _home() -> str:
    return str(Path.home())
