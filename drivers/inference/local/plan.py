"""One step of the engine in index tensors, computed once for all layers.

Interface:
    Span            a context's part of a step
    Plan            all spans, as the layers need them
    Reads           what contexts of about the same length read as one batch
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from .memory import Memory
from .pager import PageTable


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
class Reads:
    """What contexts `start` to `stop` read; the longest has at most twice the shortest's pages, so
    that a long one does not make all others as slow as itself."""

    start: int
    stop: int
    #: [B · pages]: the pages of each context, one after the other.
    pages: Tensor
    #: [B, 1, 1, pages · size]: what of them is the context's.
    mask: Tensor


class Plan:
    """The spans of a step, in their `order`: such as have one token attend as batches."""

    def __init__(self, spans: list[Span], memory: Memory, taps: int) -> None:
        self.memory = memory
        self.spans = spans
        size = memory.page_size
        #: How many spans have one token.
        self.decoding = next((i for i, span in enumerate(spans) if span.count > 1), len(spans))
        decodes = spans[: self.decoding]
        #: The longer spans, each with where all tokens of its context lie: [length].
        self.prefills = [(_rows(span, size), span) for span in spans[self.decoding :]]
        last = [(span.length - 1, span.table.pages) for span in decodes]
        #: [T]: where each new token's keys and values go.
        self.writes = torch.cat(
            [
                torch.tensor([pages[at // size] * size + at % size for at, pages in last]).long(),
                *(rows[span.table.length :] for rows, span in self.prefills),
            ]
        )
        #: [T]: each new token's position.
        self.positions = torch.cat(
            [
                torch.tensor([at for at, _ in last]).long(),
                *(torch.arange(span.table.length, span.length) for _, span in self.prefills),
            ]
        )
        self.counts = [span.count for span in spans]
        #: [S]: each span's last token among the T.
        self.last = torch.tensor(list(accumulate(self.counts))) - 1
        self.reads = _batches(decodes, size)
        if taps > 1:
            self._plan_taps(taps)

    def _plan_taps(self, taps: int) -> None:
        """Lay out a buffer of every context's last inputs followed by its new ones."""
        before = taps - 1
        start, windows, tails = 0, [], []
        for count in self.counts:
            windows.append(torch.arange(start, start + count)[:, None] + torch.arange(taps))
            tails.append(torch.arange(start + count, start + count + before))
            start += before + count
        #: [T, taps]: the inputs of each new token; [S, taps - 1]: those to keep.
        self.windows, self.tails = torch.cat(windows), torch.stack(tails)
        #: [S]: the contexts' places in the convolutions' memory.
        self.slots = torch.tensor([span.slot for span in self.spans])


def _rows(span: Span, size: int) -> Tensor:
    """Return where a context's tokens lie: [length]."""
    pages = torch.tensor(span.table.pages[: -(-span.length // size)])
    return (pages[:, None] * size + torch.arange(size)).flatten()[: span.length]


def _batches(spans: list[Span], size: int) -> list[Reads]:
    """Part spans of one token, the shortest first, into batches of about the same length."""
    found: list[Reads] = []
    counts = [-(-span.length // size) for span in spans]
    start = 0
    for stop in range(1, len(spans) + 1):
        if stop == len(spans) or counts[stop] > 2 * counts[start]:
            most = counts[stop - 1]
            # Filled up with a page of its own: a stranger's may hold what no mask can hide.
            pages = [
                [*span.table.pages[:count], *span.table.pages[:1] * (most - count)]
                for span, count in zip(spans[start:stop], counts[start:stop], strict=True)
            ]
            lengths = torch.tensor([span.length for span in spans[start:stop]])
            mask = torch.arange(most * size)[None] < lengths[:, None]
            found.append(
                Reads(
                    start=start,
                    stop=stop,
                    pages=torch.tensor(pages).flatten(),
                    mask=mask[:, None, None],
                )
            )
            start = stop
    return found
