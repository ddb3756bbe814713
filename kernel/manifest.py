"""What the kernel reads of an `agent.toml`: the name, what runs it, the rights and the budget.

Interface:
    declared(path)      those four; the rest of the file is the runtime's affair
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..syscalls.errors import InvalidArgument
from .budget import Limits
from .capability import CapabilitySet

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What an agent's file asks the kernel for; None and empty where it says nothing."""

    name: str | None = None
    #: What runs it; None for what runs agents.
    runtime: str | None = None
    capabilities: CapabilitySet | None = None
    #: Whether it runs again after its death.
    durable: bool = False
    budget: dict[str, float]


def declared(path: Path) -> Declared:
    """Read an agent's file. Raises `InvalidArgument` naming the file and the key."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidArgument(f"{path.name}: {error}") from None
    name, texts, budget = table.get("name"), table.get("capabilities"), table.get("budget", {})
    runtime = table.get("runtime")
    if not (name is None or isinstance(name, str)):
        raise InvalidArgument(f"{path.name}: name is no text")
    if not (runtime is None or isinstance(runtime, str)):
        raise InvalidArgument(f"{path.name}: runtime is no text")
    if not (texts is None or (isinstance(texts, list) and all(isinstance(t, str) for t in texts))):
        raise InvalidArgument(f"{path.name}: capabilities is no list of texts")
    durable = table.get("durable", False)
    if not isinstance(durable, bool):
        raise InvalidArgument(f"{path.name}: durable is neither true nor false")
    if not isinstance(budget, dict):
        raise InvalidArgument(f"{path.name}: budget is no table of numbers")
    return Declared(
        name=name,
        runtime=runtime,
        durable=durable,
        capabilities=None
        if texts is None
        else _parsed(path, "capabilities", CapabilitySet.parse, texts),
        budget=dict(_parsed(path, "budget", Limits.parse, budget).bounds),
    )


def _parsed(path: Path, key: str, parse: Callable[[Any], T], value: Any) -> T:
    try:
        return parse(value)
    except InvalidArgument as error:
        raise InvalidArgument(f"{path.name}: {key}: {error.message}") from None
