"""Which layers hold a process, and what became of each.

Interface:
    Sandbox         what is wanted
    Report          layer to `enforced`, `unavailable`, `failed` or `off`
    missing         required layers that are not enforced
    advice          what to do for them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

Want = Literal["required", "wanted", "off"]
LAYERS = ("netns", "seccomp", "landlock", "rlimits", "cgroup")
#: What to do for a layer that is required and missing.
_ADVICE = {
    "netns": "let users make network namespaces (kernel.unprivileged_userns_clone=1, or "
    "kernel.apparmor_restrict_unprivileged_userns=0)",
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64",
    "landlock": "use Linux 5.13 or later, with landlock among the lsm= of its command line",
    "rlimits": "raise the hard limits of the daemon's user (ulimit -H)",
    "cgroup": "start the daemon in a systemd unit with Delegate=yes, on control groups version 2",
}
Report = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What is wanted of each layer, and the numbers of the limits."""

    netns: Want = "wanted"
    seccomp: Want = "wanted"
    landlock: Want = "wanted"
    rlimits: Want = "wanted"
    cgroup: Want = "wanted"
    #: Bytes of address space, open files, seconds of CPU, bytes of one file; None for no limit.
    memory: int | None = 8 * 2**30
    files: int | None = 256
    cpu: int | None = None
    file_size: int | None = 2**30
    #: Of it with all that it starts: processes and threads; bytes of memory and processors.
    processes: int | None = 512
    resident: int | None = None
    cores: float | None = None
    #: The control group below which each process has its own; None where there is none.
    group: str | None = None

    @classmethod
    def none(cls) -> Sandbox:
        """Return a sandbox without layers, for what is trusted."""
        return cls(netns="off", seccomp="off", landlock="off", rlimits="off", cgroup="off")

    def want(self, layer: str) -> str:
        """Return what is wanted of a layer."""
        return str(getattr(self, layer))

    @property
    def isolated(self) -> bool:
        """Whether it needs the zygote that has given up the network."""
        return self.netns != "off" or self.seccomp != "off"

    def wire(self) -> list[Any]:
        """Return it as plain data: what is wanted of LAYERS, then the limits."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def read(cls, wire: Sequence[Any]) -> Sandbox:
        """Return the sandbox that `wire` made plain data of."""
        return cls(**dict(zip((one.name for one in fields(cls)), wire, strict=True)))


def advice(lacking: Sequence[str]) -> str:
    """Return what to do for layers that are required and missing."""
    return "; ".join(f"for {layer}, {_ADVICE[layer]}" for layer in lacking)


def missing(sandbox: Sequence[Any], report: Mapping[str, str]) -> list[str]:
    """Return the layers that are required of a sandbox on the wire and not enforced."""
    if "required" not in sandbox:
        return []  # Before 3.12 what follows would be a function of its own, made anew.
    return [
        layer
        for layer, want in zip(LAYERS, sandbox, strict=False)
        if want == "required" and report.get(layer) != "enforced"
    ]
