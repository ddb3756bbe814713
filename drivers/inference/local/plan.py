"""One step of the engine in index tensors, computed once for all layers.

Interface:
    Span            a context's part of a step
    Step            where all layers of a model find the plan of the step they are in
    Plan            all spans; `view` is what layers of a window read, `single`, `several` and `all`
                    are page tables
    View            what layers of one kind read
    Decode          contexts of about the same length with one new token each, read as one batch
    Prefill         a context with several new tokens
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .memory import Memory
from .pager import PageTable
from .tables import Tables

if TYPE_CHECKING:
    from .backends.contract import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A context's part of a step: `count` new tokens after `table.length` old ones."""

    table: PageTable
    count: int
    #: Its place in the convolutions' memory.
    slot: int

    @property
    def length(self) -> int:
        """The context's tokens after the step."""
        return self.table.length + self.count

    @property
    def order(self) -> tuple[bool, int]:
        """The order of a step's spans: those of one token first, the short contexts before the
        long."""
        return self.count > 1, self.length if self.count == 1 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """Contexts `start` to `stop` of the step, one token each; the longest reads at most twice the
    shortest's pages, so that a long one does not make all others as slow as itself."""

    start: int
    stop: int
    #: [B · pages]: the pages that each context reads, one after the other.
    pages: Tensor
    #: [B, 1, 1, pages · size]: 0 for what of them is the context's, else minus infinity. Added to
    #: scores: a mask of truth values would be turned into this one in every layer.
    mask: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    """A context whose new tokens are `start` to `stop` of the step's."""

    start: int
    stop: int
    #: [read]: where the tokens lie that it reads.
    rows: Tensor
    #: [new, read], as that of `Decode`; None where each token sees exactly those before it.
    mask: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What layers of one kind read."""

    decodes: list[Decode]
    prefills: list[Prefill]


class Plan:
    """The spans of a step, in their `order`: such as have one token attend as batches.

    Its tensors lie where the model does, unless told otherwise.
    """

    def __init__(
        self,
        spans: list[Span],
        memory: Memory,
        taps: int,
        *,
        fixed: bool = False,
        width: int = 0,
        device: torch.device | None = None,
    ) -> None:
        """A `fixed` one is used again, for as many contexts of one token each: its page tables have
        a `width` for the longest. One on another `device` is only there for such a one to take."""
        self.memory = memory
        self.spans = spans
        self.fixed = fixed
        #: What a backend has made ready for it.
        self.ready: dict[Any, Any] = {}
        self._width = width
        self._device = device = device or memory.device
        size = memory.page_size
        #: How many spans have one token.
        self.decoding = next((i for i, span in enumerate(spans) if span.count > 1), len(spans))
        self._views: dict[tuple[int | None, torch.dtype], View] = {}
        #: The longer spans' rows: where all tokens of each context lie, [length].
        self._rows = [_rows(span, size) for span in spans[self.decoding :]]
        last = [(span.length - 1, span.table.pages) for span in spans[: self.decoding]]
        #: [T]: where each new token's keys and values go.
        self.writes = torch.cat(
            [
                torch.tensor([pages[at // size] * size + at % size for at, pages in last]).long(),
                *(
                    rows[span.table.length :]
                    for span, rows in zip(spans[self.decoding :], self._rows, strict=True)
                ),
            ]
        ).to(device, non_blocking=True)
        #: [T]: each new token's position.
        self.positions = torch.cat(
            [
                torch.tensor([at for at, _ in last]).long(),
                *(torch.arange(span.table.length, span.length) for span in spans[self.decoding :]),
            ]
        ).to(device, non_blocking=True)
        self.counts = [span.count for span in spans]
        #: [S]: each span's last token among the T.
        self.last = (torch.tensor(list(accumulate(self.counts))) - 1).to(device, non_blocking=True)
        if taps > 1:
            self._plan_taps(taps, size)

    @cached_property
    def single(self) -> Tables:
        """The tables of the contexts with one new token each."""
        return self._tables(self.spans[: self.decoding])

    @cached_property
    def several(self) -> Tables:
        """Those of the contexts with several."""
        return self._tables(self.spans[self.decoding :])

    @cached_property
    def all(self) -> Tables:
        """Those of all contexts."""
        return self._tables(self.spans)

    def take(self, other: Plan) -> None:
        """Become another's equal, of as many contexts with one new token each; the tensors stay
        where they are."""
        self.writes.copy_(other.writes)
        self.positions.copy_(other.positions)
        self.single.take(other.single)
        self.spans = other.spans
        vars(self).pop("all", None)

    def _tables(self, spans: list[Span]) -> Tables:
        return Tables(spans, self.memory.page_size, self._device, self._width)

    def view(self, window: int | None, dtype: torch.dtype = torch.float32) -> View:
        """Return what layers read whose tokens see themselves and those before them, `window`
        tokens in all or, if None, every one. Masks are of a `dtype`."""
        view = self._views.get((window, dtype))
        if view is None:
            view = self._views[window, dtype] = View(
                decodes=_decodes(self.spans[: self.decoding], self.memory, window, dtype),
                prefills=self._prefills(window, dtype),
            )
        return view

    def _prefills(self, window: int | None, dtype: torch.dtype) -> list[Prefill]:
        found, start = [], self.decoding
        for span, rows in zip(self.spans[self.decoding :], self._rows, strict=True):
            old, stop = span.table.length, start + span.count
            first = _first(old, window)
            mask = None
            if old or (window is not None and span.count > window):
                read = torch.arange(first, span.length)
                new = torch.arange(old, span.length)[:, None]
                seen = read <= new
                if window is not None:
                    seen &= read > new - window
                mask = _added(seen).to(self.memory.device, dtype)
            rows = rows[first:].to(self.memory.device)
            found.append(Prefill(start=start, stop=stop, rows=rows, mask=mask))
            start = stop
        return found

    def _plan_taps(self, taps: int, size: int) -> None:
        """Lay out a buffer of every context's last inputs followed by its new ones."""
        before, device = taps - 1, self.memory.device
        start, windows, tails = 0, [], []
        marks: list[int] = []
        for span in self.spans:
            count = span.count
            windows.append(torch.arange(start, start + count)[:, None] + torch.arange(taps))
            tails.append(torch.arange(start + count, start + count + before))
            marks += range(start + _fills(span, size), start + count + 1, size)
            start += before + count
        #: [P, taps - 1]: the inputs to remember, those at the end of each page that is full now.
        self.marks = (torch.tensor(marks).long()[:, None] + torch.arange(before)).to(device)
        #: [T, taps]: the inputs of each new token; [S, taps - 1]: those to keep.
        self.windows, self.tails = torch.cat(windows).to(device), torch.stack(tails).to(device)
        #: [S]: the contexts' places in the convolutions' memory.
        self.slots = torch.tensor([span.slot for span in self.spans]).to(device)


class Step:
    """Where all layers of a model find the plan of the step they are in, and what attends. The
    runner writes it."""

    plan: Plan
    backend: Backend


def _fills(span: Span, size: int) -> int:
    """Return after how many of its new tokens a context's page is full for the first time."""
    return size - span.table.length % size


def _rows(span: Span, size: int) -> Tensor:
    """Return where a context's tokens lie: [length]."""
    pages = torch.tensor(span.table.pages[: -(-span.length // size)])
    return (pages[:, None] * size + torch.arange(size)).flatten()[: span.length]


def _first(at: int, window: int | None) -> int:
    """Return the first token that the one at a position sees."""
    return 0 if window is None else max(0, at - window + 1)


def _added(seen: Tensor) -> Tensor:
    """Turn what is seen into what is added to scores."""
    return torch.zeros(seen.shape).masked_fill_(~seen, float("-inf"))


def causal(count: int) -> Tensor:
    """Return the mask of a context's first tokens: [count, count]."""
    return _added(torch.ones(count, count, dtype=torch.bool).tril_())


def _decodes(
    spans: list[Span], memory: Memory, window: int | None, dtype: torch.dtype
) -> list[Decode]:
    """Part spans of one token, the shortest first, into batches of about the same length."""
    size, device = memory.page_size, memory.device
    found: list[Decode] = []
    firsts = [_first(span.length - 1, window) for span in spans]
    read = [
        span.table.pages[first // size : -(-span.length // size)]
        for span, first in zip(spans, firsts, strict=True)
    ]
    start = 0
    for stop in range(1, len(spans) + 1):
        if stop == len(spans) or len(read[stop]) > 2 * len(read[start]):
            most = max(map(len, read[start:stop]))
            # Filled up with a page of its own: a stranger's may hold what no mask can hide.
            pages = [[*own, *own[:1] * (most - len(own))] for own in read[start:stop]]
            begins = torch.tensor([first % size for first in firsts[start:stop]])
            held = torch.tensor(
                [
                    span.length - first // size * size
                    for span, first in zip(spans[start:stop], firsts[start:stop], strict=True)
                ]
            )
            at = torch.arange(most * size)
            seen = (at >= begins[:, None]) & (at < held[:, None])
            found.append(
                Decode(
                    start=start,
                    stop=stop,
                    pages=torch.tensor(pages).flatten().to(device),
                    mask=_added(seen)[:, None, None].to(device, dtype),
                )
            )
            start = stop
    return found
