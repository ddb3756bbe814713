"""What drivers and services may ask for, and which interfaces are the house's own.

Interface:
    DRIVEN          the interfaces that our own drivers and services answer
    granted         what a driver or service may ask for
    foreign         the interfaces that plugins have brought
"""

from __future__ import annotations

from collections.abc import Iterable

from ..syscalls.interface import Interface
from ..syscalls.knowledge import Knowledge
from ..syscalls.learning import Learning
from ..syscalls.memory import Memory
from ..syscalls.model import Model
from ..syscalls.perception import Perception
from ..syscalls.plan import Plan
from ..syscalls.tool import Tool
from .capability import CapabilitySet
from .config import Config
from .plugins import Plugin

#: What any driver or service may ask for, and what ours need besides.
_USUAL = (
    "system.provide", "system.effects", "system.ready", "system.table", "device.register",
    "clock.*",
)  # fmt: skip
_BESIDES = {
    "tools": ("process.inspect",),
    "memory": ("process.inspect", "model.ls", "model.embed"),
    "knowledge": ("model.ls", "model.embed"),
    "perception": (
        "process.inspect", "process.spawn", "process.signal", "process.wait", "ipc.send",
        "ipc.recv",
    ),
    "planner": ("model.ls",),
    "learning": ("process.inspect", "model.ls"),
    "gateway": ("system.session", "system.status"),
}  # fmt: skip
#: The interfaces of process 1 and of the kernel itself.
_OWN = frozenset({"process", "ipc", "system", "approval", "rights", "device", "clock"})
#: The interfaces that our own drivers and services answer; calls wait until they have come up.
DRIVEN: tuple[type[Interface], ...] = (
    Knowledge, Learning, Memory, Model, Perception, Plan, Tool,
)  # fmt: skip


def granted(plugin: Plugin, config: Config) -> CapabilitySet:
    """Return what a driver or service may ask for: a stranger's gets what an agent gets."""
    if plugin.source == "llmagentos":
        return CapabilitySet.parse([*_USUAL, *_BESIDES.get(plugin.name, ())])
    return CapabilitySet.parse([*_USUAL, *config.agents.capabilities])


def foreign(syscalls: Iterable[str]) -> set[str]:
    """Return the interfaces that plugins have brought, by the names of all syscalls."""
    known = _OWN | {interface.interface_name for interface in DRIVEN}
    return {name.partition(".")[0] for name in syscalls} - known - {"gateway"}
