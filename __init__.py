"""LLMAgentOS: an operating system for LLM agents. The repository root is this package.

What programs and plugins need stands here: `OS`, `Interface`, `syscall` and `Host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .syscalls.host import Host
    from .syscalls.interface import Interface, syscall
    from .syscalls.os import OS

__all__ = ["OS", "Host", "Interface", "__version__", "syscall"]
__version__ = "0.1.0"

_HOMES = {"OS": "os", "Host": "host", "Interface": "interface", "syscall": "interface"}


def __getattr__(name: str) -> Any:
    # Loaded on first use: `aos --help` needs none of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.syscalls.{_HOMES[name]}"), name)
