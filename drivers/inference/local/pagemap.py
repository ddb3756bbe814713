"""Who holds what of the device's memory, as people see it.

Interface:
    info            what a context holds
    page_map        what everybody does
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ....syscalls.model import ContextInfo, PageHolder, PageMap
from .context import Context
from .pager import NOWHERE, Page
from .processes import Processes
from .virtual import VirtualMemory


def info(context: Context, now: float) -> ContextInfo:
    """Return what a context holds. Pages that the prefix tree holds too are not shared by that."""
    assert context.handle is not None
    held, pinned = context.table.held, context.pinned
    return ContextInfo(
        context=context.handle,
        pid=context.pid,
        tokens=len(context.tokens),
        pages=len(held),
        shared=sum(page.holders - page.cached > 1 for page in held),
        swapped=_swapped(held),
        pinned=pinned[1] if pinned is not None and pinned[0] > now else None,
    )


def page_map(virtual: VirtualMemory, processes: Processes, page_bytes: int) -> PageMap:
    """Return what everybody holds; the lock is held."""
    pager, cached = virtual.pager, list(virtual.tree.cached())
    contexts: dict[int, list[Context]] = {}
    for context in virtual:
        contexts.setdefault(context.pid, []).append(context)
    holders = [
        _holder(pid, mine[0].principal, processes.state(pid), mine)
        for pid, mine in sorted(contexts.items())
    ]
    if cached:
        swapped = _swapped(cached)
        holders.insert(
            0,
            PageHolder(
                pid=0,
                principal="",
                state="gone",
                contexts=0,
                pages=len(cached) - swapped,
                shared=0,
                swapped=swapped,
            ),
        )
    return PageMap(
        page_tokens=pager.size,
        page_bytes=page_bytes,
        total=pager.count,
        free=pager.free,
        cached=len(cached) - _swapped(cached),
        swapped=pager.swapped,
        holders=holders,
    )


def _holder(pid: int, principal: str, state: str, contexts: list[Context]) -> PageHolder:
    pages = Counter(page for one in contexts for page in one.table.held)
    swapped = _swapped(pages)
    return PageHolder(
        pid=pid,
        principal=principal,
        state=state,
        contexts=sum(one.stays or one.call is not None for one in contexts),
        pages=len(pages) - swapped,
        shared=sum(page.holders - page.cached > own for page, own in pages.items()),
        swapped=swapped,
    )


def _swapped(pages: Iterable[Page]) -> int:
    return sum(page.frame == NOWHERE for page in pages)
