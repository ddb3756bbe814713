"""Where a daemon is found, when nobody says: known to the daemon and to whoever looks for it.

Interface:
    state_folder    what outlives the daemon
    control_socket  where it is spoken to
    ENDPOINT        in the gateway's own folder, where the kernel's programs reach it
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: A Unix socket's name. Each message on it brings a connection that some program has made.
ENDPOINT = "endpoint.sock"


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return `$LLMAGENTOS_STATE`, or a folder of the user's own."""
    if named := environment.get("LLMAGENTOS_STATE"):
        return Path(named).absolute()
    base = environment.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base).absolute() / "llmagentos"


def runtime_folder(environment: Mapping[str, str]) -> Path:
    """Return `$LLMAGENTOS_RUNTIME`, or the state folder."""
    named = environment.get("LLMAGENTOS_RUNTIME")
    return Path(named).absolute() if named else state_folder(environment)


def control_socket(environment: Mapping[str, str]) -> Path:
    """Return the daemon's Unix socket."""
    return runtime_folder(environment) / "kernel.sock"
