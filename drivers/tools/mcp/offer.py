"""What a server says of its tools, made fit to be offered.

Interface:
    Remote          a tool of a server
    offer           a server's list to its tools, and why some are left out
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ....syscalls.tool import ToolInfo
from .schema import Checker, Unfit, offered
from .settings import ServerSettings
from .words import tidy

if TYPE_CHECKING:
    from mcp_types import Tool

#: Characters of a name, as models take them, of a description, and of a name at the server.
NAME, DESCRIPTION, RAW = 64, 2000, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A tool of a server."""

    info: ToolInfo
    #: The name that the server knows it by.
    raw: str
    #: What its arguments and its structured results are checked by.
    arguments: Checker
    result: Checker | None


def offer(
    server: str, settings: ServerSettings, listed: Iterable[Tool]
) -> tuple[list[Remote], list[str]]:
    """Return the tools that can be offered, and of each of the others why it cannot."""
    found: dict[str, Remote] = {}
    left_out: list[str] = []
    once = {one.name: one for one in listed}.values()
    allowed = [one for one in once if any(fnmatchcase(one.name, p) for p in settings.allow)]
    # A name that need not be changed is nobody else's, whatever the order.
    allowed.sort(key=lambda one: (_name(server, one.name) != f"{server}_{one.name}", one.name))
    for one in allowed:
        name = _name(server, one.name)
        if name in found:
            name = _marked(server, one.name)
        try:
            if name in found or len(one.name) > RAW:
                raise Unfit("its name is taken" if name in found else "its name is too long")
            found[name] = _remote(server, name, settings, one)
        except Unfit as why:
            left_out.append(f"{tidy(one.name, NAME)}: {why}")
    return list(found.values()), left_out


def _remote(server: str, name: str, settings: ServerSettings, tool: Tool) -> Remote:
    parameters = offered(tool.input_schema)
    if parameters.setdefault("type", "object") != "object":
        raise Unfit("its arguments are no object")
    result = tool.output_schema
    hints = tool.annotations
    info = ToolInfo(
        name=name,
        description=tidy(tool.description or tool.title or tool.name, DESCRIPTION),
        parameters=parameters,
        # The server's own word: nothing that has to be safe rests on it.
        effect=not (hints and hints.read_only_hint),
        untrusted=not settings.trusted,
        source=f"mcp:{server}",
        result=None if result is None else offered(result),
        rate=settings.rate,
    )
    checker = None if result is None else Checker(result)
    return Remote(info=info, raw=tool.name, arguments=Checker(tool.input_schema), result=checker)


def _name(server: str, raw: str) -> str:
    name = f"{server}_{re.sub(r'[^a-zA-Z0-9_-]', '_', raw)}"
    return name if len(name) <= NAME else _marked(server, raw)


def _marked(server: str, raw: str) -> str:
    """Return a name with a mark of its own, for one that is too long or taken."""
    mark = hashlib.sha256(raw.encode(errors="replace")).hexdigest()[:6]
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", raw)
    return f"{server}_{plain}"[: NAME - 7] + f"_{mark}"
