"""What is said of a server of tools, `[drivers.tools.settings.mcp.NAME]`.

Interface:
    ServerSettings  as checked; `address` for people
    check_name      raises `InvalidArgument` for a name that no server can have
    read            a map to settings; raises `InvalidArgument`
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from ....syscalls.errors import InvalidArgument
from ....syscalls.reason import reason
from ....syscalls.section import Section

#: No `_`: that parts a server's name from its tools'.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


class ServerSettings(Section):
    """How a server is reached, and what is believed of it."""

    model_config = ConfigDict(strict=True)

    #: A program that speaks over its standard input and output, or …
    command: list[str] = Field(default=[], max_length=256)
    #: … an address that speaks streamable HTTP.
    url: str = ""
    #: Variables for the program, which sees next to none of the system's.
    env: dict[str, str] = Field(default={})
    #: The folder that it is started in.
    cwd: str | None = None
    #: Whether the program runs in a box: required, wanted (where bubblewrap works), or off.
    sandbox: Literal["required", "wanted", "off"] = "wanted"
    #: What it sees in there, besides its own and what its command names, and what it may write.
    read: list[str] = Field(default=[])
    write: list[str] = Field(default=[])
    #: Whether it has the network in there.
    network: bool = True
    #: Headers of each request, such as `Authorization`.
    headers: dict[str, str] = Field(default={})
    #: Patterns of its tools' names, as it calls them.
    allow: list[str] = Field(default=["*"])
    #: Calls a minute of each of its tools that a principal may make.
    rate: PositiveFloat | None = None
    #: Seconds that a call of it may take.
    timeout: float = Field(default=60.0, gt=0, le=300)
    #: Whether its results carry no stranger's words.
    trusted: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> ServerSettings:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a command or a url")
        if self.url and not _sound(self.url):
            raise ValueError("the url is no http address")
        if self.command and (self.headers or not self.command[0]):
            raise ValueError("a command has a program, and no headers")
        if self.url and (self.env or self.cwd or self.sandbox == "required"):
            raise ValueError("env, cwd and sandbox are a command's")
        if any(not one.startswith("/") for one in (*self.read, *self.write)):
            raise ValueError("read and write are absolute paths")
        if any("\0" in one for one in (*self.command, *self.env, *self.env.values())):
            raise ValueError("a command holds no NUL")
        if any(not key or "=" in key for key in self.env):
            raise ValueError("a variable's name is not empty and has no =")
        if any(set(one) & set("\r\n\0") for one in (*self.headers, *self.headers.values())):
            raise ValueError("a header is one line")
        return self

    @property
    def boxed(self) -> bool:
        """Whether it is a program that is to run in a box."""
        return bool(self.command) and self.sandbox != "off"

    def address(self) -> str:
        """Return where it is, for people; what may be a secret is left out."""
        if self.command:
            return shlex.join(self.command)
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def check_name(name: str) -> None:
    """Raise `InvalidArgument` for a name that no server can have."""
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"{name!r} is no name of a server: up to 24 small letters, digits and -, a letter first"
        )


def read(values: Mapping[str, Any]) -> ServerSettings:
    """Return settings as checked. Raises `InvalidArgument` saying what is wrong."""
    try:
        return ServerSettings.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidArgument(reason(error)) from None


def _sound(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
