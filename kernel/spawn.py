"""What an order comes to: which program, with which name, rights, rank, folder and files.

Interface:
    Order           what somebody wants run
    Spawn           what it comes to
    Rules           `apply`, before anything is started
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ..syscalls.errors import InvalidArgument, NotFound, PermissionDenied
from .budget import Limits
from .capability import CapabilitySet
from .config import AgentsConfig
from .durable.state import ASK
from .interpreter import libraries, sources
from .launcher.child import READABLE
from .manifest import declared
from .paths import Paths
from .plugins import Plugin
from .process import ControlBlock, Kind

_MODULE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants run; the fields are those of `process.spawn`."""

    program: str
    task: str | None = None
    name: str | None = None
    arguments: tuple[str, ...] = ()
    capabilities: CapabilitySet | None = None
    drop: tuple[str, ...] = ()
    budget: Mapping[str, float] = field(default_factory=dict)
    #: None for an agent's own, and for 0 where a person asks.
    nice: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    remove: bool = False
    #: Whether it runs again after its death; None for what its file says.
    durable: bool | None = None
    #: `ask` where a person says what becomes of a durable one's effect that may have happened;
    #: None for what its file says.
    in_doubt: str | None = None
    #: What a durable one's random numbers begin with; None for something new.
    seed: str | None = None
    on_born: Callable[[ControlBlock], None] | None = None
    #: Told of it once its start is written down, before its program begins.
    on_written: Callable[[ControlBlock], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """What an order comes to."""

    order: Order
    name: str
    #: Which function runs it, or which command line.
    entry: str
    argv: tuple[str, ...] | None
    capabilities: CapabilitySet
    limits: Limits
    nice: int
    home: Path
    #: Folders and files that it may read besides its home.
    readable: tuple[Path, ...]

    @property
    def durable(self) -> bool:
        """Whether it runs again after its death."""
        return bool(self.order.durable)

    @property
    def program(self) -> str:
        """What it runs, for people."""
        return self.order.program if self.argv is None else " ".join(self.argv)


class Rules:
    """What may be started, and as what. Starts nothing and changes nothing."""

    def __init__(
        self,
        *,
        paths: Paths,
        config: AgentsConfig,
        runtimes: Mapping[str, Plugin],
        interfaces: Callable[[], set[str]],
    ) -> None:
        self._paths = paths
        self._config = config
        self._runtimes = runtimes
        self._interfaces = interfaces

    def apply(self, parent: ControlBlock, order: Order) -> Spawn:
        """Say what an order comes to.

        Raises `InvalidArgument`, `NotFound` for a missing program, and `PermissionDenied` for a
        rank that its parent must not give and for a program that it may not read.
        """
        folder = _folder(parent, order.program)
        runtime, entry, argv = self._entry(order)
        if order.program.endswith(".toml"):
            order = _completed(order)
        name = order.name or _name_of(order)
        if not _NAME.fullmatch(name):
            raise InvalidArgument(f"{name!r} is no name; use letters, digits and _ . -")
        if order.durable and argv is not None:
            raise InvalidArgument("a command line cannot be durable: its calls have no order")
        if order.in_doubt == ASK and not order.durable:
            raise InvalidArgument("only a durable process has a person asked about its effects")
        for key, value in order.environment.items():
            if not key or "=" in key or "\0" in key + value:
                raise InvalidArgument(f"{key!r} cannot be a variable of an environment")
        if order.timeout is not None and not 0 < order.timeout < math.inf:
            raise InvalidArgument("a timeout is a number of seconds above 0")
        return Spawn(
            order=order,
            name=name,
            entry=entry,
            argv=argv,
            capabilities=self._rights(parent, order, runtime),
            limits=Limits.parse({**self._config.budget, **order.budget}),
            nice=rank(parent, order.nice, parent.nice),
            home=self._home(parent, name),
            readable=_readable(parent, folder, argv),
        )

    def _entry(self, order: Order) -> tuple[str, str, tuple[str, ...] | None]:
        """Return what runs it: a runtime's name and function, or a command line."""
        program = order.program
        if program == "-":
            if not order.arguments:
                raise InvalidArgument("the command line is empty")
            if any("\0" in one for one in order.arguments):
                raise InvalidArgument("a command line holds no NUL")
            return "", "", order.arguments
        if _MODULE.fullmatch(program):
            return "py", self._runtimes["py"].entry, None
        path = Path(program)
        named = declared(path).runtime if path.suffix == ".toml" else None
        name = named or path.suffix.removeprefix(".")
        runtime = self._runtimes.get(name)
        if runtime is None:
            known = ", ".join(sorted(self._runtimes))
            wanted = "a kind that nothing runs" if named is None else f"no runtime: {named!r}"
            raise InvalidArgument(f"{path.name} is of {wanted}; there are {known}")
        return name, runtime.entry, None

    def _rights(self, parent: ControlBlock, order: Order, runtime: str) -> CapabilitySet:
        """Return a child's capabilities: what is asked for, or what agents usually get."""
        offices = self._config.runtimes
        if order.capabilities is not None:
            held = order.capabilities
        elif parent.kind is Kind.AGENT:
            given = {text for office in offices.values() for text in office}
            held = CapabilitySet(one for one in parent.capabilities if one.text not in given)
        else:
            plugins = (f"{name}.*" for name in sorted(self._interfaces()))
            usual = CapabilitySet.parse(
                [*self._config.capabilities, *offices.get(runtime, ()), *plugins]
            )
            held = parent.capabilities.narrowed(usual)
        return held.without(order.drop)

    def _home(self, parent: ControlBlock, name: str) -> Path:
        """Return where a process may write: `principal/name`, shared by all runs of one name.

        An agent's children have theirs in `principal/parent+/name`, and so have the workers of a
        driver or service. No name holds a `+`, so that
        none of them leads into another's folder, and no agent may write to the folders between,
        so that no link does.
        """
        if parent.kind is Kind.AGENT and parent.home is not None:
            return parent.home.with_name(f"{parent.home.name}+") / name
        if parent.kind in (Kind.DRIVER, Kind.SERVICE):
            return self._paths.home(parent.principal, f"{parent.name}+") / name
        return self._paths.home(parent.principal, name)


def rank(caller: ControlBlock, nice: int | None, least: int) -> int:
    """Return the rank that a caller may give, `least` where it says none.

    A person may do what an agent may not: push itself to the front. Raises `InvalidArgument`, and
    `PermissionDenied` for an agent that asks for a better one than `least`.
    """
    is_agent = caller.kind is Kind.AGENT
    if nice is None:
        return least if is_agent else 0
    if not -20 <= nice <= 19:
        raise InvalidArgument(f"nice is -20 to 19, not {nice}")
    if is_agent and nice < least:
        raise PermissionDenied("an agent may only lower a process's rank")
    return nice


def _folder(parent: ControlBlock, program: str) -> Path | None:
    """Return the folder in which a program really lies; None where no path is named.

    Whoever runs it may read that folder. So it is resolved once, and the process opens it without
    following a link: it cannot be exchanged for a link to another one meanwhile. An agent names
    none but what it may read itself.
    """
    if program == "-" or _MODULE.fullmatch(program):
        return None
    path = Path(program)
    if not path.is_absolute():
        raise InvalidArgument(f"{program!r} is neither an absolute path nor module:function")
    folder = _resolved(path.parent)
    if parent.kind is Kind.AGENT:
        for place in (folder, _resolved(path).parent):
            if not _sees(parent, place):
                raise PermissionDenied(f"{parent.name} may not read {program}, nor let it be run")
    if not (folder / path.name).is_file():
        raise NotFound(f"there is no program {program}")
    return folder


def _sees(process: ControlBlock, folder: Path) -> bool:
    own = (process.home, *process.readable)
    if any(one is not None and folder.is_relative_to(_resolved(one)) for one in own):
        return True
    return any(folder.is_relative_to(one) for one in _system())


@cache
def _system() -> tuple[Path, ...]:
    return tuple(map(_resolved, map(Path, READABLE)))


def _resolved(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # No text of a path.
        raise NotFound(f"there is no program {path}") from None


def _readable(
    parent: ControlBlock, folder: Path | None, argv: tuple[str, ...] | None
) -> tuple[Path, ...]:
    if argv is None:
        return () if folder is None else (folder,)
    # A command is given the files that it is to work on, and what it needs to start, by whoever
    # may read them anyway.
    if not parent.capabilities.whole:
        return ()
    files = [Path(one) for one in argv if one.startswith("/") and _is_file(one)]
    needed = libraries(files[0]) if files and str(files[0]) == argv[0] else ()
    return tuple(dict.fromkeys(map(_resolved, (*files, *needed, *sources(files)))))


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # Too long for a path, or no text of one.
        return False


def _completed(order: Order) -> Order:
    """Let an agent's file say what the order leaves open."""
    said = declared(Path(order.program))
    return replace(
        order,
        name=order.name or said.name,
        capabilities=said.capabilities if order.capabilities is None else order.capabilities,
        budget={**said.budget, **order.budget},
        durable=said.durable if order.durable is None else order.durable,
        in_doubt=order.in_doubt or said.in_doubt,
    )


def _name_of(order: Order) -> str:
    if order.program == "-":
        stem = Path(order.arguments[0]).name
    elif "/" not in order.program:
        stem = order.program.partition(":")[0].rpartition(".")[2]
    else:
        stem = Path(order.program).stem
    return re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip("_.-")[:64] or "agent"
