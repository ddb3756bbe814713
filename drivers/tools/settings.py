"""The tools' own settings, `[drivers.tools.settings]`.

Interface:
    Settings        as checked
    read            settings as configured to settings as checked; raises `InvalidArgument`
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ConfigDict, Field, PositiveFloat, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.reason import reason
from ...syscalls.section import Section, unknown
from .box import SandboxSettings
from .mcp.settings import ServerSettings


class Http(Section):
    """Where `http_fetch` may go."""

    model_config = ConfigDict(strict=True)

    #: Patterns of hosts; there is none that is allowed unasked.
    allow: list[str] = Field(default=[])
    #: Whether a host may have a private address.
    private: bool = False


class Settings(Section):
    """What the tools of the house read."""

    model_config = ConfigDict(strict=True)

    http: Http = Http()
    #: What holds the code that the tools `python` and `shell` run, and servers that are programs.
    sandbox: SandboxSettings = SandboxSettings()
    #: Calls a minute that a principal may make, by patterns of tools' names.
    rates: dict[str, PositiveFloat] = Field(default={})
    #: Servers of tools.
    mcp: dict[str, ServerSettings] = Field(default={})


def read(config: Mapping[str, Any], plugins: Collection[str] = ()) -> Settings:
    """Return all settings of the house, with those that nobody has set. `plugins` are the names
    under which tools of plugins may have sections of their own beside it."""
    ours = {name: value for name, value in config.items() if name not in plugins}
    for name in ours:
        if name not in Settings.model_fields:
            known = unknown(name, [*Settings.model_fields, *plugins])
            raise InvalidArgument(f"drivers.tools.settings: {known}")
    try:
        return Settings.model_validate(ours)
    except ValidationError as error:
        raise InvalidArgument(reason(error, "drivers.tools.settings")) from None
