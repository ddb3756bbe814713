"""What a process may ask for.

A capability names a syscall or a pattern of them, a qualifier and constraints:

    memory.*                                 every call of the memory interface
    tool.call:calculator                     one tool
    tool.call:http_fetch{host=*.example.org} one tool, on some hosts

`*` stands for any run of characters and is the only wildcard. A missing value matches nothing.

Interface:
    Capability       one grant; `parse`, `covers`
    CapabilitySet    what a process holds; `allows`, `attenuate`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..syscalls.errors import InvalidArgument, PermissionDenied
from .glob import matches, overlap

#: Characters of a capability's text.
LONGEST = 512
_SHAPE = re.compile(r"([a-z0-9_.*]+)(?::([^{}]+))?(?:\{([^{}]*)\})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One grant."""

    #: Pattern of syscall names.
    syscall: str
    #: Pattern of the call's subject (a tool's name, a namespace); None for any.
    subject: str | None = None
    #: Patterns of argument values, by argument name.
    constraints: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Capability:
        """Read a capability's text. Raises `InvalidArgument` saying what is wrong with it."""
        if len(text) > LONGEST:
            raise InvalidArgument(f"a capability has at most {LONGEST} characters")
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise InvalidArgument(
                f"{text!r} is no capability; write syscall, syscall:subject or "
                "syscall:subject{argument=pattern,…}"
            )
        syscall, subject, braces = shape.groups()
        constraints = []
        for part in filter(None, (braces or "").split(",")):
            key, equals, pattern = part.partition("=")
            if not equals or not key.strip().isidentifier():
                raise InvalidArgument(f"{part!r} in {text!r} is no argument=pattern")
            constraints.append((key.strip(), pattern.strip()))
        return cls(syscall=syscall, subject=subject, constraints=tuple(constraints))

    def __str__(self) -> str:
        subject = f":{self.subject}" if self.subject is not None else ""
        inner = ",".join(f"{key}={pattern}" for key, pattern in self.constraints)
        return f"{self.syscall}{subject}" + (f"{{{inner}}}" if inner else "")

    def covers(self, other: Capability) -> bool:
        """Whether every call that `other` allows is surely allowed by this one too.

        A wildcard in the other's pattern is matched as a character of its own, which only a
        wildcard here can match: sound, and exact but for patterns nobody writes.
        """
        if not matches(self.syscall, other.syscall):
            return False
        if self.subject is not None and (
            other.subject is None or not matches(self.subject, other.subject)
        ):
            return False
        theirs: dict[str, list[str]] = {}
        for key, pattern in other.constraints:
            theirs.setdefault(key, []).append(pattern)
        return all(
            any(matches(pattern, one) for one in theirs.get(key, ()))
            for key, pattern in self.constraints
        )

    def allows(self, syscall: str, subject: str | None, arguments: Mapping[str, Any]) -> bool:
        """Whether this grant alone allows the call."""
        if not matches(self.syscall, syscall):
            return False
        if self.subject is not None and (subject is None or not matches(self.subject, subject)):
            return False
        return all(
            (value := _argument(arguments, key)) is not None
            and matches(pattern, value)
            and not _climbs(value)
            for key, pattern in self.constraints
        )

    def overlaps(self, other: Capability) -> bool:
        """Whether some call may be allowed by both; constraints are taken to leave room for one."""
        return overlap(self.syscall, other.syscall) and (
            self.subject is None or other.subject is None or overlap(self.subject, other.subject)
        )


class CapabilitySet:
    """What a process holds. Immutable; remembers which syscalls need no look at arguments."""

    __slots__ = ("_capabilities", "_free")

    def __init__(self, capabilities: Iterable[Capability] = ()) -> None:
        self._capabilities = tuple(capabilities)
        self._free: dict[str, bool] = {}

    @classmethod
    def parse(cls, texts: Iterable[str]) -> CapabilitySet:
        """Read several capabilities' texts. Raises `InvalidArgument`."""
        return cls(map(Capability.parse, texts))

    def __iter__(self) -> Iterator[Capability]:
        return iter(self._capabilities)

    def free(self, syscall: str) -> bool:
        """Whether the syscall is allowed whatever its arguments are: one look-up when known.

        The names asked for must come from the syscall table, which bounds what is remembered.
        """
        known = self._free.get(syscall)
        if known is None:
            known = self._free[syscall] = any(
                one.subject is None and not one.constraints and matches(one.syscall, syscall)
                for one in self._capabilities
            )
        return known

    def allows(
        self, syscall: str, subject: str | None = None, arguments: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether some grant allows the call."""
        return self.free(syscall) or any(
            one.allows(syscall, subject, arguments or {}) for one in self._capabilities
        )

    def without(self, dropped: Iterable[str]) -> CapabilitySet:
        """Return the set without the grants that any of `dropped` covers.

        Raises `InvalidArgument` for one that takes nothing, and for one that would only narrow a
        grant: `memory.*` cannot lose `memory.put` alone, since there is no way to write the rest.
        """
        gone = [Capability.parse(text) for text in dropped]
        for one in gone:
            touched = [held for held in self._capabilities if held.overlaps(one)]
            for held in touched:
                if not one.covers(held):
                    raise InvalidArgument(
                        f"{one} is a part of {held}; drop that, or grant the rest"
                    )
            if not touched:
                raise InvalidArgument(f"{one} is not held and so cannot be dropped")
        return CapabilitySet(
            held for held in self._capabilities if not any(one.covers(held) for one in gone)
        )

    def attenuate(self, requested: CapabilitySet) -> CapabilitySet:
        """Return `requested` for a child. Raises `PermissionDenied` naming what is not held."""
        for one in requested:
            if not any(held.covers(one) for held in self._capabilities):
                raise PermissionDenied(f"{one} is not held and so cannot be passed on")
        return requested


def _argument(arguments: Mapping[str, Any], key: str) -> str | None:
    """Find a value among a call's arguments, or among those of the tool that it calls.

    The host is that of the `url` where there is one: an argument named host beside it must not
    hide where the call really goes.
    """
    nested = arguments.get("arguments")
    levels = (arguments, nested if isinstance(nested, Mapping) else {})
    if key == "host":
        for level in levels:
            if "url" in level:
                return _host(level["url"])
    for level in levels:
        if key in level:
            return str(level[key])
    return None


def _climbs(value: str) -> bool:
    """Whether a path leads out of the folder that its beginning names."""
    return ".." in value.split("/")


def _host(url: Any) -> str | None:
    try:
        return urlsplit(str(url)).hostname
    except ValueError:
        return None
