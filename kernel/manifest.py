"""What the kernel reads of an `agent.toml`: the name, what runs it, the rights and the budget.

Interface:
    declared(path)      those; the rest of the file is the runtime's affair
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, TypeVar

from ..syscalls.errors import InvalidArgument
from .budget import Limits
from .capability import CapabilitySet

#: Bytes of a file: to read it takes the time of everybody.
MOST = 256 * 1024
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
    #: What becomes of an effect that may have happened: `error`, or `ask` for a person's word.
    in_doubt: str | None = None
    budget: dict[str, float]


def declared(path: Path) -> Declared:
    """Read an agent's file. Raises `InvalidArgument` naming the file and the key."""
    try:
        table: dict[str, Any] = tomllib.loads(_text(path))
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
    in_doubt = table.get("in_doubt")
    if in_doubt not in (None, "error", "ask"):
        raise InvalidArgument(f'{path.name}: in_doubt is neither "error" nor "ask"')
    if not isinstance(budget, dict):
        raise InvalidArgument(f"{path.name}: budget is no table of numbers")
    return Declared(
        name=name,
        runtime=runtime,
        durable=durable,
        in_doubt=in_doubt,
        capabilities=None
        if texts is None
        else _parsed(path, "capabilities", CapabilitySet.asked, texts),
        budget=dict(_parsed(path, "budget", Limits.parse, budget).bounds),
    )


def _text(path: Path) -> str:
    """Return a file's text. Whoever asks may put anything in its place, and nobody is to wait for
    it meanwhile: neither for a pipe's other end, nor for a huge one to be read."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidArgument(f"{path.name} is no file")
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise InvalidArgument(f"{path.name} has more than {MOST} bytes")
    return data.decode()


def _parsed(path: Path, key: str, parse: Callable[[Any], T], value: Any) -> T:
    try:
        return parse(value)
    except InvalidArgument as error:
        raise InvalidArgument(f"{path.name}: {key}: {error.message}") from None
