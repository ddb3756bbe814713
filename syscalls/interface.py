"""How an interface is written: a class of typed methods, each marked as a syscall.

Interface:
    Interface   base class; `class Memory(Interface, name="memory")`
    syscall     decorator that states what the kernel must know of a method
    Traits      what it states

A driver, a service and a plugin are read in the same way: the class may be a bare contract
(methods without a body) or the implementation itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

if TYPE_CHECKING:
    from .host import Host

F = TypeVar("F", bound=Callable[..., Any])
ProcessState = Literal["running", "blocked", "suspended", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the kernel must know of a syscall besides its types."""

    #: The class of device the call is queued on; None where it goes straight to its provider.
    device: str | None = None
    #: The call changes something outside the operating system (a file, a remote service).
    effect: bool = False
    #: The call may be sent again after a crash without harm.
    idempotent: bool = False
    #: The call answers with a stream of items.
    stream: bool = False
    #: The argument that a capability's qualifier is matched with (`tool.call:calculator`).
    subject: str | None = None
    #: Seconds until the call ends in ETIMEDOUT when the caller names no deadline.
    deadline: float = 30.0
    #: The result comes from outside and may carry a stranger's instructions.
    untrusted: bool = False


def syscall(
    *,
    device: str | None = None,
    effect: bool = False,
    idempotent: bool = False,
    stream: bool = False,
    subject: str | None = None,
    deadline: float = 30.0,
    untrusted: bool = False,
) -> Callable[[F], F]:
    """Mark a method as a syscall. The keywords are the fields of `Traits`."""
    traits = Traits(
        device=device,
        effect=effect,
        idempotent=idempotent,
        stream=stream,
        subject=subject,
        deadline=deadline,
        untrusted=untrusted,
    )

    def mark(method: F) -> F:
        method.__syscall__ = traits  # type: ignore[attr-defined]
        return method

    return mark


class Interface:
    """Base of every interface; a subclass of a named interface implements it."""

    #: The first half of each syscall's name.
    interface_name: ClassVar[str] = ""
    #: Names that its part of the configuration may have; None leaves them to `setup`.
    SETTINGS: ClassVar[Collection[str] | None] = None
    #: The class as `table.read` has read it; each class has its own.
    _entries: ClassVar[Any] = None
    _descriptions: ClassVar[Any] = None

    def __init_subclass__(cls, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.interface_name = name

    async def setup(self, host: Host) -> None:
        """Get ready to answer, in the process that serves the interface. Does nothing by default.

        Calls that arrive meanwhile wait. What it starts in `host.tasks` ends with the process.
        """

    async def teardown(self) -> None:
        """Give back what `setup` took; nothing is served any more. Does nothing by default."""

    def on_rank(self, call: int, rank: tuple[float, ...]) -> None:
        """Learn that a call being served stands elsewhere from now on; the lowest comes first.

        Only the driver of a device that can preempt is told so. `call` is `caller().call`.
        """

    def on_process(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        """Learn what a process does that has used the device. Told as `on_rank` is.

        A blocked one waits for something else, for `seconds` it is expected, None where nobody
        knows; a suspended one's calls are to stand still; a gone one's calls come to their end.
        """

    @classmethod
    def methods(cls) -> dict[str, tuple[Callable[..., Any], Traits]]:
        """Return each syscall's declaration, the one that carries the mark, by method name."""
        found: dict[str, tuple[Callable[..., Any], Traits]] = {}
        for base in reversed(cls.__mro__):
            for name, member in vars(base).items():
                traits = getattr(member, "__syscall__", None)
                if traits is not None:
                    found[name] = (member, traits)
        return found
