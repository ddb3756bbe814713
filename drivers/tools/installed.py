"""The tools of this house and of installed plugins.

Interface:
    Installed       a tool and how it is run
    installed       all of them by name; one that cannot be loaded is named in the log
    sections        the names under which plugins' tools may have settings
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import entry_points

from .builtin import TOOLS
from .contract import Definition, define


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A tool and how it is run."""

    definition: Definition
    #: A plugin's `module:function`. Nobody knows what it does, so each call runs aside.
    entry: str | None = None


def installed() -> dict[str, Installed]:
    """Return the tools by name; ours stand where a plugin brings the same name."""
    found = {name: Installed(definition=define(name, one)) for name, one in TOOLS.items()}
    for point in entry_points(group="llmagentos.tools"):
        if point.name in found:
            taken = f"the tool {point.name} of {point.value} is left out: the name is taken"
            print(taken, file=sys.stderr)
            continue
        source = point.dist.name if point.dist is not None else "unknown"
        try:
            definition = define(point.name, point.load(), source)
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything
            print(f"the tool {point.name} cannot be loaded: {error}", file=sys.stderr)
            continue
        found[point.name] = Installed(definition=definition, entry=point.value)
    return found


def sections() -> set[str]:
    """Return the names of plugins' tools and of their distributions, as each may be written."""
    points = [point for point in entry_points(group="llmagentos.tools") if point.name not in TOOLS]
    names = {point.name for point in points} | {p.dist.name for p in points if p.dist is not None}
    # Variables of the environment have no `-`.
    return names | {name.lower().replace("-", "_") for name in names}
