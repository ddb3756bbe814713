"""Configuration: TOML files and the environment, read once; a bad value fails loudly.

Flags win over the environment (`LLMAGENTOS_AGENTS__NICE=5`), that over the project's
`llmagentos.toml`, the user's and the system's `config.toml`.

Interface:
    Config          all settings
    load            reads them, each with its origin
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..syscalls.errors import InvalidArgument
from ..syscalls.reason import reason

ENVIRONMENT = "LLMAGENTOS_"
#: Names of the environment that are no settings.
_RESERVED = frozenset({"STATE", "RUNTIME", "CONFIG", "FD", "KEEPER"})

Want = Literal["required", "wanted", "off"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SandboxConfig(_Section):
    """Which layers hold a process; a required one that is missing refuses its start."""

    netns: Want = "wanted"
    seccomp: Want = "wanted"
    landlock: Want = "wanted"
    rlimits: Want = "wanted"
    #: A control group, where the machine has delegated one.
    cgroup: Want = "wanted"
    #: Bytes of address space.
    memory: int = Field(default=8 * 2**30, gt=0)
    #: Open files.
    files: int = Field(default=256, gt=0)
    #: Seconds of CPU; None for no limit.
    cpu: int | None = Field(default=None, gt=0)
    #: Bytes of one file.
    file_size: int = Field(default=2**30, gt=0)
    #: Processes and threads of it and all that it starts.
    processes: int = Field(default=512, gt=0)
    #: Bytes of memory and processors of all of them, by their control group; None for no limit.
    resident: int | None = Field(default=None, gt=0)
    cores: float | None = Field(default=None, gt=0)


class ProfilesConfig(_Section):
    """The sandbox of each kind of process. Drivers and services have none; that of the tools' code
    stands in `drivers.tools.settings.sandbox`."""

    #: Python programs and declared agents.
    agent: SandboxConfig = SandboxConfig()
    #: Command lines: programs that know nothing of this system.
    foreign: SandboxConfig = SandboxConfig()


class AgentsConfig(_Section):
    """What an agent gets that nobody has said anything else for."""

    #: What it may ask for; a plugin's interface is added by its name.
    capabilities: list[str] = [
        "clock.*", "ipc.*", "knowledge.*", "memory.*", "perception.*", "plan.*", "process.*",
        "tool.ls", "tool.search", "tool.servers", "tool.call",
        "model.chat", "model.stream", "model.ls", "model.open", "model.append", "model.generate",
        "model.fork", "model.score", "model.embed", "model.pin", "model.close", "model.contexts",
        "model.pages", "device.ls", "system.table",
        "learning.begin", "learning.report", "learning.finish", "learning.publish",
        "learning.fetch", "learning.jobs", "learning.job", "learning.curves",
        "learning.models", "learning.card", "learning.trajectories", "learning.reward",
        "learning.advise",
    ]  # fmt: skip
    #: What a file's runtime may ask for besides, where a person starts it. Nothing that it starts
    #: inherits that: an agent that could note verdicts could pass its own model off as better.
    runtimes: dict[str, list[str]] = {"learn": ["learning.judge", "model.add", "model.remove"]}
    #: Limits of tokens, money, device_seconds, wall_seconds and processes.
    budget: dict[str, float] = {}
    sandbox: ProfilesConfig = ProfilesConfig()
    #: How many may live at once.
    limit: int = Field(default=2000, gt=0)


class SchedulerConfig(_Section):
    """How calls for a device are ranked."""

    policy: str = "program"
    #: Calls that may wait for one device.
    capacity: int = Field(default=10_000, gt=0)
    #: Seconds that a call may be expected to wait for one; a longer queue refuses it. None for any.
    patience: float | None = Field(default=None, gt=0)


class JournalConfig(_Section):
    """What is written down, and for how long it is kept."""

    #: What waits for the disk: effects and their answers, every answer, or nothing, which a loss of
    #: power may then cost.
    sync: Literal["effects", "all", "none"] = "effects"
    #: Days and bytes that old files are kept for, unless a durable process needs them.
    retention_days: float = Field(default=30.0, gt=0)
    max_bytes: int = Field(default=4 * 2**30, gt=0)


class PluginConfig(_Section):
    """A driver or service."""

    enabled: bool = True
    #: What it may ask for, in place of the usual.
    capabilities: list[str] | None = None
    #: Seconds from its start until it has to be up.
    patience: float = Field(default=60.0, gt=0)
    #: Settings of its own, passed on unread.
    settings: dict[str, Any] = {}


class Config(_Section):
    """All settings."""

    agents: AgentsConfig = AgentsConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    journal: JournalConfig = JournalConfig()
    drivers: dict[str, PluginConfig] = {}
    services: dict[str, PluginConfig] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration and where each setting comes from."""

    config: Config
    #: Dotted name of each setting that was given, to the file or variable that gave it.
    origins: dict[str, str]


def load(files: list[Path], environment: Mapping[str, str], flags: Mapping[str, Any]) -> Loaded:
    """Read the configuration; `files` from the weakest to the strongest, missing ones skipped.

    Raises `InvalidArgument` naming the place and the setting.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for file in files:
        if file.exists():
            _merge(merged, _read(file), str(file), origins)
    for name, value in sorted(environment.items()):
        key = name.removeprefix(ENVIRONMENT)
        if key != name and key not in _RESERVED:
            _merge(merged, _nest(key.lower().split("__"), _value(value)), name, origins)
    for dotted, value in flags.items():
        _merge(merged, _nest(dotted.split("."), value), "flag", origins)
    try:
        return Loaded(config=Config.model_validate(merged), origins=origins)
    except ValidationError as error:
        place = [str(step) for step in error.errors(include_url=False)[0]["loc"]]
        raise InvalidArgument(f"{_origin(place, origins)}: {reason(error)}") from None


def standard_files() -> list[Path]:
    """Return where configuration is looked for, from the weakest to the strongest."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    user = Path(home) / "llmagentos/config.toml"
    return [Path("/etc/llmagentos/config.toml"), user, Path("llmagentos.toml")]


def _origin(place: list[str], origins: Mapping[str, str]) -> str:
    """Return who gave a wrong setting: it, the list or table that it stands in, or its parts."""
    for length in range(len(place), 0, -1):
        dotted = ".".join(place[:length])
        if dotted in origins:
            return origins[dotted]
    inside = ".".join(place) + "."
    return next((one for name, one in origins.items() if name.startswith(inside)), "configuration")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidArgument(f"{file}: {error}") from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _nest(keys: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _merge(
    into: dict[str, Any], new: dict[str, Any], origin: str, origins: dict[str, str], at: str = ""
) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key, {}), dict):
            _merge(into.setdefault(key, {}), value, origin, origins, f"{at}{key}.")
        else:
            into[key] = value
            for below in [name for name in origins if name.startswith(f"{at}{key}.")]:
                del origins[below]
            origins[f"{at}{key}"] = origin
