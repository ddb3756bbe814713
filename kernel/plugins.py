"""Every point where the house can be extended, on one page.

| Entry-point group      | Names                                                        |
|------------------------|--------------------------------------------------------------|
| `llmagentos.drivers`   | an `Interface` class that owns a device or a store           |
| `llmagentos.services`  | an `Interface` class that works through syscalls alone       |
| `llmagentos.runtimes`  | `module:function` that runs a kind of program, by its suffix |
| `llmagentos.tools`     | a typed function for the tools driver                        |
| `llmagentos.policies`  | a scheduling policy                                          |
| `llmagentos.strategies`| a strategy of the planner                                    |
| `llmagentos.knowledge` | a source that `knowledge.search` asks as well                |

The built-in ones are found in the same way. The kernel reads names alone and imports none of
them: drivers and services are loaded in their own processes.

Interface:
    Plugin              a name, what it stands for, and where it comes from
    plugins(group)      all of a group by name
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One entry point."""

    name: str
    #: `module:attribute`.
    entry: str
    #: The distribution that declares it.
    source: str


def plugins(group: str) -> dict[str, Plugin]:
    """Return a group's plugins by name; where two share a name, ours stands."""
    found: dict[str, Plugin] = {}
    for point in entry_points(group=f"llmagentos.{group}"):
        source = point.dist.name if point.dist is not None else "unknown"
        plugin = Plugin(name=point.name, entry=point.value, source=source)
        if point.name not in found or source == "llmagentos":
            found[point.name] = plugin
    return dict(sorted(found.items()))
