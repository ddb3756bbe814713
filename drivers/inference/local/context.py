"""A text in the device's memory: its tokens, its pages, and what convolutions keep at its end.

Interface:
    Context         one of them
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ....syscalls.errors import TryAgain
from .pager import PageTable
from .prefix import Node

if TYPE_CHECKING:
    from .call import Call


@dataclass(slots=True, eq=False)
class Context:
    """One context. The engine's lock guards it; a call that runs on it alone adds tokens."""

    pid: int
    principal: str
    tokens: list[int]
    #: The node of its last full page; None for one that neither takes pages from earlier texts nor
    #: leaves any.
    node: Node | None = None
    table: PageTable = field(default_factory=PageTable)
    #: What convolutions keep after `table.length` tokens, while it does not run.
    state: Tensor | None = None
    #: Its place in the convolutions' memory, while it runs.
    slot: int = -1
    #: The call that works on it.
    call: Call | None = None
    #: Its number where it is open.
    handle: int | None = None
    #: Whether it stays when its call has ended.
    stays: bool = False
    #: Until when its pages are to stay, and the seconds that were asked for.
    pinned: tuple[float, float] | None = None
    #: When its last call ended.
    idle: float = 0.0
    #: The tokens that ask for the next message, where it holds a conversation that waits for one.
    ask: list[int] = field(default_factory=list)
    asking: str = ""
    #: The text that it holds; None where only its tokens are known.
    text: str | None = None
    #: Whether it holds a conversation.
    chat: bool = False
    #: The tools of which its model was told.
    tools: list[dict[str, Any]] = field(default_factory=list)

    def check_idle(self) -> None:
        """Raise `TryAgain` where a call works on it."""
        if self.call is not None:
            raise TryAgain("another call works on this context")
