"""What a process may ask for.

A capability names a syscall or a pattern of them, a qualifier and constraints:

    memory.*                                 every call of the memory interface
    tool.call:calculator                     one tool
    tool.call:http_fetch{host=*.example.org} one tool, on some hosts

`*` stands for any run of characters and is the only wildcard. A missing value matches nothing.
What acts on the machine with the daemon's own rights is granted by its whole name, or by `*` alone:
whoever was given all of the tools was not given the right to run programs outside any sandbox.

Conditions stand among the constraints, and a `?` at the end asks a person:

    tool.call:shell?                         whenever somebody approves
    tool.call{untainted}                     while the caller has read nothing of a stranger's
    tool.call{effectless}?                   freely without an effect, else when somebody approves

A `!` before it makes a limit of a grant: whatever else is held, what it names does not pass, or
only under its conditions or when somebody approves. Limits are passed on to every child.

    !memory.put                              not this one
    !tool.call:http_fetch{untainted}?        asked about once the caller is tainted

Interface:
    BY_NAME          calls that no pattern grants but `*`
    Verdict          what becomes of a call
    Capability       one grant; `parse`, `covers`, `judge`
    CapabilitySet   what a process holds; `judge`, `allows`, `attenuate`, `revoked`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from ..syscalls.errors import InvalidArgument, PermissionDenied
from .address import argument, doubtful, plain
from .glob import matches, overlap

#: Characters of a capability's text, and capabilities that anybody asks for at once.
LONGEST, MOST = 512, 256
#: Conditions on a call that its arguments do not tell.
UNTAINTED, EFFECTLESS = "untainted", "effectless"
CONDITIONS = frozenset({UNTAINTED, EFFECTLESS})
#: Calls that no pattern grants but `*`: they run programs, read folders of the machine, send what
#: everybody asks a model elsewhere, or let a model pass for a better one.
BY_NAME = frozenset({
    "tool.connect", "tool.disconnect", "model.use", "model.add", "model.remove", "model.share",
    "learning.adopt", "learning.judge",
})  # fmt: skip
_ANY = "*"
_SHAPE = re.compile(r"(!)?([a-z0-9_.*]+)(?::([^{}?]+))?(?:\{([^{}]*)\})?(\?)?")
#: A syscall's name or a pattern of some: two parts with a dot between, where a `*` may stand for
#: both and the dot.
_NAME = re.compile(r"(?!.*\*\*)([a-z0-9_*]+(\.[a-z0-9_*]+)+|[a-z0-9_]*\*[a-z0-9_*]*)")


class Verdict(IntEnum):
    """What becomes of a call; of several grants' verdicts the highest counts."""

    REFUSED = 0
    #: A person is asked.
    ASKED = 1
    ALLOWED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One grant, or one limit."""

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
    #: Whether it takes away what other grants give.
    limit: bool = False
    #: Its text, made once: the journal keeps it with every call.
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        subject = f":{self.subject}" if self.subject is not None else ""
        parts = [f"{key}={pattern}" for key, pattern in self.constraints]
        inner = ",".join([*parts, *sorted(self.conditions)])
        braces = f"{{{inner}}}" if inner else ""
        mark, asks = "!" if self.limit else "", "?" if self.asks else ""
        object.__setattr__(self, "text", f"{mark}{self.syscall}{subject}{braces}{asks}")

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
        limit, syscall, subject, braces, asks = shape.groups()
        constraints, conditions = [], set()
        for part in filter(None, (braces or "").split(",")):
            key, equals, pattern = part.partition("=")
            if part.strip() in CONDITIONS:
                conditions.add(part.strip())
            elif equals and key.strip().isidentifier():
                key, pattern = key.strip(), pattern.strip()
                # A host is the same in whatever letters it is written.
                constraints.append((key, pattern.lower() if key == "host" else pattern))
            else:
                known = " or ".join(sorted(CONDITIONS))
                raise InvalidArgument(f"{part!r} in {text!r} is no argument=pattern, nor {known}")
        return cls(
            syscall=syscall,
            subject=subject,
            constraints=tuple(constraints),
            conditions=frozenset(conditions),
            asks=asks is not None,
            limit=limit is not None,
        )

    def __str__(self) -> str:
        return self.text

    def holds(self, syscall: str) -> bool:
        """Whether a syscall, or all that a pattern of them grants, is of its pattern."""
        if self.syscall == syscall or self.syscall == _ANY or self.limit:
            return matches(self.syscall, syscall)
        return syscall not in BY_NAME and syscall != _ANY and matches(self.syscall, syscall)

    def covers(self, other: Capability) -> bool:
        """Whether this grant surely judges every call at least as well as the grant `other` does.

        A wildcard in the other's pattern is matched as a character of its own, which only a
        wildcard here can match: sound, and exact but for patterns nobody writes.
        """
        return not (self.limit or other.limit) and self._trusts(other) and self.names(other)

    def names(self, other: Capability) -> bool:
        """Whether every call that `other` names is surely one that this one names."""
        if not self.holds(other.syscall):
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
        if self.conditions <= holds and (self.conditions or not (self.asks or self.limit)):
            return Verdict.ALLOWED
        return Verdict.ASKED if self.asks else Verdict.REFUSED

    def concerns(self, syscall: str, subject: str | None, arguments: Mapping[str, Any]) -> bool:
        """Whether the call is of the kind that this grant names."""
        if not self.holds(syscall):
            return False
        if self.subject is not None and (subject is None or not matches(self.subject, subject)):
            return False
        return all(
            self._fits(argument(arguments, key), key, pattern) for key, pattern in self.constraints
        )

    def _fits(self, value: str | None, key: str, pattern: str) -> bool:
        """Whether an argument is of a pattern; one that is in doubt is for limits and no grants."""
        if value is None:
            return False
        if doubtful(key, value):
            return self.limit
        # A limit on a path is not got around by another way of writing it.
        return matches(pattern, value) or (self.limit and matches(pattern, plain(value)))

    def overlaps(self, other: Capability) -> bool:
        """Whether some call may be allowed by both; constraints are taken to leave room for one."""
        return overlap(self.syscall, other.syscall) and (
            self.subject is None or other.subject is None or overlap(self.subject, other.subject)
        )


class CapabilitySet:
    """What a process holds. Immutable; remembers which syscalls need no look at arguments."""

    __slots__ = ("_free", "_grants", "_limits")

    def __init__(self, capabilities: Iterable[Capability] = ()) -> None:
        ordered = tuple(dict.fromkeys(capabilities))
        self._grants = tuple(one for one in ordered if not one.limit)
        self._limits = tuple(one for one in ordered if one.limit)
        self._free: dict[str, Capability | None] = {}

    @classmethod
    def parse(cls, texts: Iterable[str]) -> CapabilitySet:
        """Read several capabilities' texts. Raises `InvalidArgument`."""
        return cls(map(Capability.parse, texts))

    @classmethod
    def asked(cls, texts: Sequence[str]) -> CapabilitySet:
        """Read what somebody asks for, who may ask for no more than can be looked through with
        every call, and for nothing that no call could be. Raises `InvalidArgument`."""
        if len(texts) > MOST:
            raise InvalidArgument(f"{len(texts)} capabilities are more than {MOST}")
        held = cls.parse(texts)
        for one in held:
            if not _NAME.fullmatch(one.syscall):
                known = "write interface.method, interface.* or *"
                raise InvalidArgument(f"{str(one)!r} names nothing that could be; {known}")
        return held

    def __iter__(self) -> Iterator[Capability]:
        """Yield the grants, then the limits."""
        yield from self._grants
        yield from self._limits

    @property
    def whole(self) -> bool:
        """Whether it holds everything, without a limit."""
        return not self._limits and any(one.covers(_EVERYTHING) for one in self._grants)

    def free(self, syscall: str) -> Capability | None:
        """Return the grant by which the syscall is allowed whatever its arguments are, if there is
        one: one look-up when known.

        The names asked for must come from the syscall table, which bounds what is remembered.
        """
        try:
            return self._free[syscall]
        except KeyError:
            found = self._free[syscall] = self._freed(syscall)
            return found

    def _freed(self, syscall: str) -> Capability | None:
        if any(matches(one.syscall, syscall) for one in self._limits):
            return None
        for one in self._grants:
            narrow = one.subject is not None or one.constraints or one.conditions or one.asks
            if not narrow and one.holds(syscall):
                return one
        return None

    def judge(
        self, syscall: str, subject: str | None, arguments: Mapping[str, Any], holds: frozenset[str]
    ) -> tuple[Verdict, Capability | None]:
        """Return what becomes of a call of which these conditions hold, and what says so: the first
        of the grants that judge best, or for a refusal the first that concerns the call; or a limit
        that judges worse than that."""
        best, by = Verdict.REFUSED, None
        for one in self._grants:
            if one.concerns(syscall, subject, arguments):
                verdict = one.verdict(holds)
                if by is None or verdict > best:
                    best, by = verdict, one
        for one in self._limits:
            if one.concerns(syscall, subject, arguments) and (verdict := one.verdict(holds)) < best:
                best, by = verdict, one
        return best, by

    def allows(
        self, syscall: str, subject: str | None = None, arguments: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether some grant allows the call without a question, whatever its conditions."""
        return self.free(syscall) is not None or (
            self.judge(syscall, subject, arguments or {}, CONDITIONS)[0] is Verdict.ALLOWED
        )

    def without(self, dropped: Iterable[str]) -> CapabilitySet:
        """Return the set without what `dropped` names; a part of a grant is taken by a limit.

        Raises `InvalidArgument` for one that takes nothing.
        """
        held = self
        for one in map(Capability.parse, dropped):
            plain = replace(one, limit=False)
            if not any(grant.overlaps(plain) for grant in held._grants):
                raise InvalidArgument(f"{one} is not held and so cannot be dropped")
            held = held.revoked(one)
        return held

    def revoked(self, gone: Capability) -> CapabilitySet:
        """Return the set without whatever calls `gone` names, under whichever conditions."""
        gone = replace(gone, limit=False, asks=False, conditions=frozenset())
        left = [one for one in self._grants if not gone.names(one)]
        if any(one.overlaps(gone) for one in left):
            return CapabilitySet([*left, *self._limits, replace(gone, limit=True)])
        return CapabilitySet([*left, *self._limits])

    def attenuate(self, requested: CapabilitySet) -> CapabilitySet:
        """Return `requested` for a child, with the limits of this one.

        Raises `PermissionDenied` naming what is not held.
        """
        for one in requested._grants:
            if not any(held.covers(one) for held in self._grants):
                raise PermissionDenied(f"{one} is not held and so cannot be passed on")
        return CapabilitySet([*requested, *self._limits]) if self._limits else requested

    def narrowed(self, wanted: CapabilitySet) -> CapabilitySet:
        """Return of what is wanted the grants that are held as well, with both sides' limits."""
        grants = (o for o in wanted._grants if any(held.covers(o) for held in self._grants))
        return CapabilitySet([*grants, *wanted._limits, *self._limits])


_EVERYTHING = Capability(syscall=_ANY)
