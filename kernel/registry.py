"""Who answers which syscall.

Interface:
    Registry        descriptions of all syscalls, and the process or the handler behind each
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..syscalls.codec import pack, unpack
from ..syscalls.errors import (
    AlreadyExists,
    Internal,
    InvalidArgument,
    NoSyscall,
    PermissionDenied,
)
from ..syscalls.interface import Interface, Traits
from ..syscalls.message import MAX_DEADLINE
from ..syscalls.table import Description, Syscall, read
from .call import READ, Call
from .process import ControlBlock, Kind

#: A plain function of the kernel: the calling process and the checked arguments to a result.
Handler = Callable[..., Any]
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class Registry:
    """The syscalls that exist. A syscall stays known while its provider is away."""

    def __init__(self) -> None:
        self._descriptions: dict[str, Description] = {}
        self._providers: dict[str, ControlBlock] = {}
        self._handlers: dict[str, tuple[Syscall, Handler]] = {}
        self._expected: set[str] = set()
        #: Told of what a process answers.
        self.on_provide: Callable[[ControlBlock, list[Description]], None] = lambda *_: None
        #: By syscall, which subjects have an effect, and who has said so.
        self._effects: dict[str, tuple[ControlBlock, dict[str, bool]]] = {}

    def __getitem__(self, name: str) -> Description:
        try:
            return self._descriptions[name]
        except KeyError:
            raise NoSyscall(f"there is no syscall {name!r}") from None

    def traits(self, name: str) -> Traits | None:
        """Return what a syscall is declared as, None for one that there is not."""
        known = self._descriptions.get(name)
        return None if known is None else known.traits

    def descriptions(self) -> list[Description]:
        """Return every syscall by name."""
        return [self._descriptions[name] for name in sorted(self._descriptions)]

    def subject(self, name: str) -> str | None:
        """Return which argument says what a call is about, if the syscall is known and one does."""
        described = self._descriptions.get(name)
        return None if described is None else described.traits.subject

    def provider(self, name: str) -> ControlBlock | None:
        """Return who answers a syscall at present."""
        return self._providers.get(name)

    def handles(self, name: str) -> bool:
        """Whether the kernel answers a syscall itself."""
        return name in self._handlers

    def expect(self, *interfaces: type[Interface]) -> None:
        """Announce syscalls that a driver will answer once it is up; until then calls wait."""
        self.announce(entry.describe() for interface in interfaces for entry in read(interface))

    def announce(self, described: Iterable[Description]) -> None:
        """Announce syscalls by their descriptions."""
        for one in described:
            self._descriptions.setdefault(one.name, one)
            self._expected.add(one.name)

    def forget(self, names: Iterable[str]) -> None:
        """Expect syscalls no longer that were announced, unless somebody answers them."""
        for name in set(names) - self._providers.keys():
            self._expected.discard(name)
            self._descriptions.pop(name, None)

    def expected(self, name: str) -> bool:
        """Whether a provider that is away will come, or come back."""
        return name in self._expected

    def provide(self, process: ControlBlock, described: Iterable[Description]) -> None:
        """Let a process answer syscalls.

        Raises `AlreadyExists` while another one answers one of them and `InvalidArgument` for a
        name that is none; then nothing has changed.
        """
        described = list(described)
        for one in described:
            if not _NAME.fullmatch(one.name):
                raise InvalidArgument(f"{one.name!r} is not interface.method in lower case")
            if not 0 < one.traits.deadline <= MAX_DEADLINE:
                raise InvalidArgument(f"{one.name}: a deadline is 0 to {MAX_DEADLINE:.0f} seconds")
            holder = self._providers.get(one.name)
            if one.name in self._handlers or (holder is not None and holder is not process):
                raise AlreadyExists(f"{one.name} is answered already")
        for one in described:
            self._descriptions[one.name] = one
            self._providers[one.name] = process
            if process.kind in (Kind.DRIVER, Kind.SERVICE):  # The supervisor starts them again.
                self._expected.add(one.name)
        self.on_provide(process, described)

    def say(self, process: ControlBlock, name: str, effects: dict[str, bool]) -> None:
        """Note which subjects of a syscall have an effect, in place of what was said before.

        It counts while `process` answers it. Raises `PermissionDenied` where somebody else does.
        """
        if self._providers.get(name, process) is not process or name in self._handlers:
            raise PermissionDenied(f"process {process.pid} does not answer {name}")
        self._effects[name] = (process, effects)

    def harmless(self, call: Call) -> bool:
        """Whether its provider has said of what a call is about that it has no effect."""
        name = call.syscall.name
        process, effects = self._effects.get(name, (None, None))
        if effects is None or self._providers.get(name) is not process or len(call.body) > READ:
            return False
        return not effects.get(call.subject() or "", True)

    def answer(self, interface: type[Interface], handlers: dict[str, Handler]) -> None:
        """Let the kernel answer an interface's methods, all of them or some.

        Raises `Internal` for a handler that no method has.
        """
        if not handlers.keys() <= interface.methods().keys():
            raise Internal(f"{interface.interface_name}: handlers and methods differ")
        for entry in read(interface):
            if (handler := handlers.get(entry.name.partition(".")[2])) is not None:
                self._descriptions[entry.name] = entry.describe()
                self._handlers[entry.name] = (entry, handler)

    def handle(self, name: str, process: ControlBlock, body: bytes) -> bytes:
        """Answer a call by the kernel's own handler."""
        entry, handler = self._handlers[name]
        return pack(handler(process, **entry.check(unpack(body))))

    def withdraw(self, process: ControlBlock) -> None:
        """A process answers nothing any more."""
        for name in [name for name, one in self._providers.items() if one is process]:
            del self._providers[name]
