"""Which layers hold a process, and what became of each.

Interface:
    Sandbox         what is wanted
    Report          layer to `enforced`, `unavailable`, `failed` or `off`
    missing         required layers that are not enforced
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Want = Literal["required", "wanted", "off"]
LAYERS = ("netns", "seccomp", "landlock", "rlimits")
Report = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What is wanted of each layer, and the numbers of the limits."""

    netns: Want = "wanted"
    seccomp: Want = "wanted"
    landlock: Want = "wanted"
    rlimits: Want = "wanted"
    #: Bytes of address space, open files, seconds of CPU, bytes of one file; None for no limit.
    memory: int | None = 8 * 2**30
    files: int | None = 256
    cpu: int | None = None
    file_size: int | None = 2**30

    @classmethod
    def none(cls) -> Sandbox:
        """Return a sandbox without layers, for what is trusted."""
        return cls(netns="off", seccomp="off", landlock="off", rlimits="off")

    def want(self, layer: str) -> str:
        """Return what is wanted of a layer."""
        return str(getattr(self, layer))

    @property
    def isolated(self) -> bool:
        """Whether it needs the zygote that has given up the network."""
        return self.netns != "off" or self.seccomp != "off"

    def wire(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def missing(sandbox: Sandbox, report: Mapping[str, str]) -> list[str]:
    """Return the required layers that are not enforced."""
    return [
        layer
        for layer in LAYERS
        if sandbox.want(layer) == "required" and report.get(layer) != "enforced"
    ]
