"""What a process may ask for.

A capability names a syscall or a pattern of them, a qualifier and constraints:

    memory.*                                 every call of the memory interface
    tool.call:calculator                     one tool
    tool.call:http_fetch{host=*.example.org} one tool, on some hosts

`*` stands for any run of characters and is the only wildcard. A missing value matches nothing.

Conditions stand among the constraints, and a `?` at the end asks a person:

    tool.call:shell?                         whenever somebody approves
    tool.call{untainted}                     while the caller has read nothing of a stranger's
    tool.call{effectless}?                   freely without an effect, else when somebody approves

Interface:
    Verdict          what becomes of a call
    Capability       one grant; `parse`, `covers`, `judge`
    CapabilitySet    what a process holds; `judge`, `allows`, `attenuate`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

from ..syscalls.errors import InvalidArgument, PermissionDenied
from .glob import matches, overlap

#: Characters of a capability's text.
LONGEST = 512
#: Conditions on a call that its arguments do not tell.
UNTAINTED, EFFECTLESS = "untainted", "effectless"
CONDITIONS = frozenset({UNTAINTED, EFFECTLESS})
_SHAPE = re.compile(r"([a-z0-9_.*]+)(?::([^{}?]+))?(?:\{([^{}]*)\})?(\?)?")


class Verdict(IntEnum):
    """What becomes of a call; of several grants' verdicts the highest counts."""

    REFUSED = 0
    #: A person is asked.
    ASKED = 1
    ALLOWED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One grant."""

    #: Pattern of syscall names.
    syscall: str
    #: Pattern of the call's subject (a tool's name, a namespace); None for any.
    subject: str | None = None
    #: Patterns of argument values, by argument name.
    constraints: tuple[tuple[str, str], ...] = ()
    #: What must hold for a call to pass without a question.
    conditions: frozenset[str] = frozenset()
    #: Whether a call of which they do not hold, or every call where there are none, is put to a
    #: person; it is refused otherwise.
    asks: bool = False

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
        syscall, subject, braces, asks = shape.groups()
        constraints, conditions = [], set()
        for part in filter(None, (braces or "").split(",")):
            key, equals, pattern = part.partition("=")
            if part.strip() in CONDITIONS:
                conditions.add(part.strip())
            elif equals and key.strip().isidentifier():
                constraints.append((key.strip(), pattern.strip()))
            else:
                known = " or ".join(sorted(CONDITIONS))
                raise InvalidArgument(f"{part!r} in {text!r} is no argument=pattern, nor {known}")
        return cls(
            syscall=syscall,
            subject=subject,
            constraints=tuple(constraints),
            conditions=frozenset(conditions),
            asks=asks is not None,
        )

    def __str__(self) -> str:
        subject = f":{self.subject}" if self.subject is not None else ""
        parts = [f"{key}={pattern}" for key, pattern in self.constraints]
        inner = ",".join([*parts, *sorted(self.conditions)])
        braces = f"{{{inner}}}" if inner else ""
        return f"{self.syscall}{subject}{braces}" + ("?" if self.asks else "")

    def covers(self, other: Capability) -> bool:
        """Whether this one surely judges every call at least as well as `other` does.

        A wildcard in the other's pattern is matched as a character of its own, which only a
        wildcard here can match: sound, and exact but for patterns nobody writes.
        """
        if not matches(self.syscall, other.syscall) or not self._trusts(other):
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

    def _trusts(self, other: Capability) -> bool:
        """Whether no call passes the conditions of `other` that fails these."""
        if self.asks and other.asks and not other.conditions:
            return True  # The other always asks, and this one never refuses.
        if self.asks:
            return bool(self.conditions) and self.conditions <= other.conditions
        return not self.conditions or (not other.asks and self.conditions <= other.conditions)

    def judge(
        self, syscall: str, subject: str | None, arguments: Mapping[str, Any], holds: frozenset[str]
    ) -> Verdict:
        """Return what this grant alone makes of a call of which these conditions hold."""
        if not self.concerns(syscall, subject, arguments):
            return Verdict.REFUSED
        return self.verdict(holds)

    def verdict(self, holds: frozenset[str]) -> Verdict:
        """Return what it makes of a call that it concerns."""
        if self.conditions <= holds and (self.conditions or not self.asks):
            return Verdict.ALLOWED
        return Verdict.ASKED if self.asks else Verdict.REFUSED

    def concerns(self, syscall: str, subject: str | None, arguments: Mapping[str, Any]) -> bool:
        """Whether the call is of the kind that this grant names."""
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
                one.subject is None
                and not (one.constraints or one.conditions or one.asks)
                and matches(one.syscall, syscall)
                for one in self._capabilities
            )
        return known

    def judge(
        self, syscall: str, subject: str | None, arguments: Mapping[str, Any], holds: frozenset[str]
    ) -> tuple[Verdict, Capability | None]:
        """Return what becomes of a call of which these conditions hold, and the grant that says so:
        the first of those that judge best, or for a refusal the first that concerns the call."""
        best, by = Verdict.REFUSED, None
        for one in self._capabilities:
            if one.concerns(syscall, subject, arguments):
                verdict = one.verdict(holds)
                if by is None or verdict > best:
                    best, by = verdict, one
        return best, by

    def allows(
        self, syscall: str, subject: str | None = None, arguments: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether some grant allows the call without a question, whatever its conditions."""
        return self.free(syscall) or (
            self.judge(syscall, subject, arguments or {}, CONDITIONS)[0] is Verdict.ALLOWED
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
