"""The tools' own settings, `[drivers.tools.settings]`.

Interface:
    Settings        as checked
    read            settings as configured to settings as checked; raises `InvalidArgument`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.reason import reason
from .box import SandboxSettings
from .mcp.settings import ServerSettings


class Http(BaseModel):
    """Where `http_fetch` may go."""

    model_config = ConfigDict(strict=True, extra="forbid")

    #: Patterns of hosts; there is none that is allowed unasked.
    allow: list[str] = []
    #: Whether a host may have a private address.
    private: bool = False


class Settings(BaseModel):
    """What the tools of the house read; a plugin's tools have sections of their own beside it."""

    model_config = ConfigDict(strict=True, extra="allow")

    http: Http = Http()
    #: What holds the code that the tools `python` and `shell` run, and servers that are programs.
    sandbox: SandboxSettings = SandboxSettings()
    #: Calls a minute that a principal may make, by patterns of tools' names.
    rates: dict[str, PositiveFloat] = {}
    #: Servers of tools.
    mcp: dict[str, ServerSettings] = {}


def read(config: Mapping[str, Any]) -> Settings:
    """Return all settings, with those that nobody has set."""
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        raise InvalidArgument(reason(error, "drivers.tools.settings")) from None
